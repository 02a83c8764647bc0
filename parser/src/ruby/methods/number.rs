//! Methods of integers and floats.

mod read;

use num_bigint::BigInt;

use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

/// Bits of what powers and shifts make.
const BITS_MAX: u64 = 1 << 20;

/// Operators on two small integers whose result is one.
pub(super) fn fast(left: i64, method: M, right: i64) -> Option<Val> {
    Some(match method {
        M::Add => Val::Int(left.checked_add(right)?),
        M::Sub => Val::Int(left.checked_sub(right)?),
        M::Mul => Val::Int(left.checked_mul(right)?),
        M::Lt => Val::bool(left < right),
        M::Le => Val::bool(left <= right),
        M::Gt => Val::bool(left > right),
        M::Ge => Val::bool(left >= right),
        M::Eq => Val::bool(left == right),
        M::NotEq => Val::bool(left != right),
        M::BitAnd => Val::Int(left & right),
        M::BitOr => Val::Int(left | right),
        M::BitXor => Val::Int(left ^ right),
        M::Div if right != 0 => Val::Int(floor_div(left, right)?),
        M::Rem | M::Modulo if right != 0 => {
            Val::Int(left.checked_sub(floor_div(left, right)?.checked_mul(right)?)?)
        }
        M::Shr if (0..64).contains(&right) => Val::Int(left >> right),
        M::Shl if (0..64).contains(&right) => {
            let shifted = i128::from(left) << right;
            Val::Int(i64::try_from(shifted).ok()?)
        }
        _ => return None,
    })
}

fn floor_div(left: i64, right: i64) -> Option<i64> {
    let quotient = left.checked_div(right)?;
    Some(if left % right != 0 && (left < 0) != (right < 0) {
        quotient - 1
    } else {
        quotient
    })
}

impl<'r> Run<'r, '_> {
    /// Takes the steps for work that goes over each pair of digits of two numbers of so many bits.
    pub(crate) fn steps_for_bits(&mut self, left: u64, right: u64) -> Result<(), Flow> {
        self.steps((left / 64).saturating_mul(right / 64) as usize / 32)
    }

    fn new_big(&mut self, big: BigInt) -> Val {
        match i64::try_from(&big) {
            Ok(small) => Val::Int(small),
            Err(_) => self.heap().add(Obj::Big(big)),
        }
    }

    pub(super) fn number(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        if let [other] = arguments
            && matches!(
                method,
                M::Add
                    | M::Sub
                    | M::Mul
                    | M::Div
                    | M::Rem
                    | M::Modulo
                    | M::Pow
                    | M::Fdiv
                    | M::Divmod
                    | M::DivNamed
            )
        {
            return self.arithmetic(receiver, method, *other).map(Some);
        }
        if let Some(left) = self.memory.heap.big(receiver) {
            return self.integer(receiver, left, method, arguments, block);
        }
        let Some(number) = self.memory.heap.float(receiver) else {
            return Ok(None);
        };
        let digits = match arguments {
            [Val::Int(digits), ..] => *digits,
            _ => 0,
        };
        Ok(Some(match method {
            M::ToI | M::Truncate => self.float_to_int(number.trunc())?,
            M::ToF => Val::Float(number),
            M::Round if digits > 0 => Val::Float(round_to(number, digits)),
            M::Round => self.float_to_int(round_to(number, digits))?,
            M::Floor if digits > 0 => Val::Float(scaled(number, digits, f64::floor)),
            M::Ceil if digits > 0 => Val::Float(scaled(number, digits, f64::ceil)),
            M::Floor => self.float_to_int(number.floor())?,
            M::Ceil => self.float_to_int(number.ceil())?,
            M::Abs => Val::Float(number.abs()),
            M::Neg => Val::Float(-number),
            M::ZeroP => Val::bool(number == 0.0),
            M::NonzeroP => {
                if number == 0.0 {
                    Val::Nil
                } else {
                    receiver
                }
            }
            M::PositiveP => Val::bool(number > 0.0),
            M::NegativeP => Val::bool(number < 0.0),
            M::NanP => Val::bool(number.is_nan()),
            M::InfiniteP => {
                if number.is_infinite() {
                    Val::Int(number.signum() as i64)
                } else {
                    Val::Nil
                }
            }
            M::FiniteP => Val::bool(number.is_finite()),
            M::IntegerP => Val::False,
            _ => return Ok(None),
        }))
    }

    fn integer(
        &mut self,
        receiver: Val,
        left: BigInt,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        let small = match receiver {
            Val::Int(small) => Some(small),
            _ => None,
        };
        let negative = left.sign() == num_bigint::Sign::Minus;
        Ok(Some(match (method, arguments) {
            (M::ToI | M::Floor | M::Ceil | M::Truncate, _) => receiver,
            (M::Round, [Val::Int(digits), ..]) if *digits < 0 => {
                Val::Int(round_to(left.to_string().parse().unwrap_or(0.0), *digits) as i64)
            }
            (M::Round, _) => receiver,
            (M::ToF, _) => Val::Float(left.to_string().parse().unwrap_or(0.0)),
            (M::ToS, [Val::Int(radix)]) if (2..=36).contains(radix) => {
                let text = left.to_str_radix(*radix as u32);
                self.new_string(text)
            }
            (M::Chr, _) => match small.and_then(|code| u8::try_from(code).ok()) {
                Some(code) if code < 128 => self.new_string(char::from(code).to_string()),
                _ => return self.raise(Class::RangeError, format!("{left} out of char range")),
            },
            (M::Times | M::Upto | M::Downto, _) if !block.given() => {
                let from = small.unwrap_or(0);
                let range = match (method, arguments) {
                    (M::Times, []) => 0..from,
                    (M::Upto, [Val::Int(to)]) => from..to.saturating_add(1),
                    (M::Downto, [Val::Int(to)]) => *to..from.saturating_add(1),
                    _ => return Ok(None),
                };
                self.steps(range.end.saturating_sub(range.start).max(0) as usize)?;
                let mut values: Vec<Val> = range.map(Val::Int).collect();
                if method == M::Downto {
                    values.reverse();
                }
                self.heap().add(Obj::Enumerator(values))
            }
            (M::Step, [Val::Int(limit), rest @ ..]) => {
                let by = match rest {
                    [] => 1,
                    [Val::Int(by)] if *by != 0 => *by,
                    _ => return Ok(None),
                };
                let mut values = Vec::new();
                let mut number = small.unwrap_or(0);
                while if by > 0 {
                    number <= *limit
                } else {
                    number >= *limit
                } {
                    self.step()?;
                    values.push(Val::Int(number));
                    let Some(next) = number.checked_add(by) else {
                        break;
                    };
                    number = next;
                }
                if !block.given() {
                    return Ok(Some(self.heap().add(Obj::Enumerator(values))));
                }
                for value in values {
                    self.call_block(block, &[value])?;
                }
                receiver
            }
            (M::Gcd | M::Lcm, [Val::Int(other)]) => {
                let (Some(one), other) = (small, *other) else {
                    return Ok(None);
                };
                let (mut a, mut b) = (one.unsigned_abs(), other.unsigned_abs());
                while b != 0 {
                    (a, b) = (b, a % b);
                }
                if method == M::Gcd {
                    self.new_big(BigInt::from(a))
                } else {
                    let share = one.unsigned_abs().checked_div(a).unwrap_or(0);
                    self.new_big(BigInt::from(share) * other.unsigned_abs())
                }
            }
            (M::Digits, []) if !negative => {
                let text = left.to_string();
                let digits = text
                    .bytes()
                    .rev()
                    .map(|digit| Val::Int(i64::from(digit - b'0')));
                let digits = digits.collect();
                self.new_array(digits)
            }
            (M::BitLength, []) => Val::Int(match small {
                Some(small) => {
                    let magnitude = if small < 0 { !small } else { small };
                    i64::from(64 - magnitude.leading_zeros())
                }
                None => left.bits() as i64,
            }),
            (M::Times, []) => {
                for number in 0..small.unwrap_or(i64::MAX) {
                    self.step()?;
                    self.call_block(block, &[Val::Int(number)])?;
                }
                receiver
            }
            (M::Upto | M::Downto, [Val::Int(to)]) => {
                let from = small.unwrap_or(0);
                let count = if method == M::Upto {
                    to.saturating_sub(from)
                } else {
                    from.saturating_sub(*to)
                };
                for step in 0..=count {
                    self.step()?;
                    let number = if method == M::Upto {
                        from + step
                    } else {
                        from - step
                    };
                    self.call_block(block, &[Val::Int(number)])?;
                }
                receiver
            }
            (M::Abs, []) => self.new_big(if negative { -left } else { left }),
            (M::Neg, []) => self.new_big(-left),
            (M::BitNot, []) => self.new_big(-left - 1),
            (M::ZeroP, []) => Val::bool(small == Some(0)),
            (M::NonzeroP, []) => {
                if small == Some(0) {
                    Val::Nil
                } else {
                    receiver
                }
            }
            (M::PositiveP, []) => Val::bool(!negative && small != Some(0)),
            (M::NegativeP, []) => Val::bool(negative),
            (M::EvenP, []) => Val::bool(!left.bit(0)),
            (M::OddP, []) => Val::bool(left.bit(0)),
            (M::IntegerP, []) => Val::True,
            (M::Succ | M::Next, []) => self.new_big(left + 1),
            (M::Pred, []) => self.new_big(left - 1),
            (M::Index, [Val::Int(bit)]) => Val::Int(i64::from(*bit >= 0 && left.bit(*bit as u64))),
            (M::Shl | M::Shr, [Val::Int(by)]) => {
                let by = if method == M::Shr {
                    by.saturating_neg()
                } else {
                    *by
                };
                if by > 100_000 || by > 0 && left.bits() >= BITS_MAX {
                    return self.raise(Class::RangeError, "shift width too big");
                }
                self.new_big(if by < 0 {
                    left >> by.unsigned_abs().min(1 << 30) as usize
                } else {
                    left << by as usize
                })
            }
            (M::BitAnd | M::BitOr | M::BitXor, [other]) => {
                let Some(right) = self.memory.heap.big(*other) else {
                    return self.raise(Class::TypeError, "no implicit conversion into Integer");
                };
                self.new_big(match method {
                    M::BitAnd => left & right,
                    M::BitOr => left | right,
                    _ => left ^ right,
                })
            }
            _ => return Ok(None),
        }))
    }

    fn arithmetic(&mut self, receiver: Val, method: M, other: Val) -> Eval {
        if let (Some(left), Some(right)) =
            (self.memory.heap.big(receiver), self.memory.heap.big(other))
            && method != M::Fdiv
        {
            return self.big_arithmetic(left, method, right);
        }
        let (Some(left), Some(right)) = (
            self.memory.heap.float(receiver),
            self.memory.heap.float(other),
        ) else {
            let what = match other {
                Val::Nil => "nil".to_owned(),
                other => self.class_of(other).name().to_owned(),
            };
            let class = self.class_of(receiver).name();
            return self.raise(
                Class::TypeError,
                format!("{what} can't be coerced into {class}"),
            );
        };
        let floor = (left / right).floor();
        Ok(match method {
            M::Add => Val::Float(left + right),
            M::Sub => Val::Float(left - right),
            M::Mul => Val::Float(left * right),
            M::Div | M::Fdiv => Val::Float(left / right),
            M::Pow => Val::Float(left.powf(right)),
            M::DivNamed => self.float_to_int(floor)?,
            M::Divmod => {
                let quotient = self.float_to_int(floor)?;
                self.new_array(vec![quotient, Val::Float(modulo(left, right))])
            }
            _ => Val::Float(modulo(left, right)),
        })
    }

    fn big_arithmetic(&mut self, left: BigInt, method: M, right: BigInt) -> Eval {
        let zero = right == BigInt::ZERO;
        if zero
            && matches!(
                method,
                M::Div | M::Rem | M::Modulo | M::Divmod | M::DivNamed
            )
        {
            return self.raise(Class::ZeroDivisionError, "divided by 0");
        }
        if !matches!(method, M::Add | M::Sub | M::Pow) {
            self.steps_for_bits(left.bits(), right.bits())?;
        }
        Ok(match method {
            M::Add => self.new_big(left + right),
            M::Sub => self.new_big(left - right),
            M::Mul => self.new_big(left * right),
            M::Pow => match u32::try_from(&right) {
                Ok(exponent) if left.bits().saturating_mul(u64::from(exponent)) < BITS_MAX => {
                    self.new_big(left.pow(exponent))
                }
                Ok(_) => Val::Float(f64::INFINITY),
                Err(_) => Val::Float(
                    left.to_string()
                        .parse::<f64>()
                        .unwrap_or(0.0)
                        .powf(right.to_string().parse().unwrap_or(0.0)),
                ),
            },
            _ => {
                let mut quotient = &left / &right;
                let mut rest = left - &quotient * &right;
                if rest != BigInt::ZERO && (rest.sign() != right.sign()) {
                    quotient -= 1;
                    rest += right;
                }
                match method {
                    M::Div | M::DivNamed => self.new_big(quotient),
                    M::Divmod => {
                        let pair = vec![self.new_big(quotient), self.new_big(rest)];
                        self.new_array(pair)
                    }
                    _ => self.new_big(rest),
                }
            }
        })
    }

    pub(super) fn float_to_int(&mut self, number: f64) -> Eval {
        if !number.is_finite() {
            let mut text = Vec::new();
            crate::event::push_float_ruby(&mut text, number);
            return self.raise(Class::FloatDomainError, String::from_utf8_lossy(&text));
        }
        if number.abs() < 9e18 {
            return Ok(Val::Int(number as i64));
        }
        let big: BigInt = format!("{number:.0}").parse().unwrap_or_default();
        Ok(self.new_big(big))
    }
}

fn modulo(left: f64, right: f64) -> f64 {
    let rest = left % right;
    if rest != 0.0 && (rest < 0.0) != (right < 0.0) {
        rest + right
    } else {
        rest
    }
}

/// Rounds half away from zero to so many decimals; the decimals of the shortest print decide.
fn round_to(number: f64, digits: i64) -> f64 {
    if digits >= 15 || !number.is_finite() {
        return number;
    }
    if digits <= 0 {
        let scale = 10f64.powi((-digits).min(300) as i32);
        return (number / scale).round() * scale;
    }
    let scale = 10f64.powi(digits as i32);
    let rounded = (number * scale).round() / scale;
    // `number * scale` may have crossed a half that the number itself has not reached.
    if ((number * scale).fract().abs() - 0.5).abs() < 1e-9 {
        let exact = format!("{number:.*}", digits as usize + 20);
        let at = exact.find('.').unwrap_or(0) + 1 + digits as usize;
        let up = exact.as_bytes().get(at).is_some_and(|digit| *digit >= b'5');
        let cut: f64 = exact[..at].parse().unwrap_or(number);
        let unit = if up {
            1.0 / scale * number.signum()
        } else {
            0.0
        };
        return format!("{:.*}", digits as usize, cut + unit)
            .parse()
            .unwrap_or(rounded);
    }
    rounded
}

fn scaled(number: f64, digits: i64, round: impl Fn(f64) -> f64) -> f64 {
    let scale = 10f64.powi(digits.min(300) as i32);
    let value = round(number * scale) / scale;
    if value.is_finite() { value } else { number }
}
