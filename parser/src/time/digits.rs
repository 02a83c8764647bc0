//! Decimal digits to and from bytes, two at a time.

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// The two digits of a number below 100.
pub(crate) fn pair(number: u32) -> [u8; 2] {
    PAIRS[(number % 100) as usize]
}

/// Appends a number, padded with zeros to `width` digits; a sign is not counted.
pub(crate) fn push_padded(out: &mut Vec<u8>, number: i64, width: usize) {
    if number < 0 {
        out.push(b'-');
    }
    let number = number.unsigned_abs();
    if width == 2 && number < 100 {
        out.extend_from_slice(&pair(number as u32));
        return;
    }
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    let mut rest = number;
    while rest > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let length = digits.len() - start;
    for _ in length..width {
        out.push(b'0');
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_padded() {
        let padded = |number, width| {
            let mut out = Vec::new();
            push_padded(&mut out, number, width);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(padded(7, 2), "07");
        assert_eq!(padded(123, 2), "123");
        assert_eq!(padded(-7, 4), "-0007");
        assert_eq!(padded(0, 1), "0");
        assert_eq!(padded(i64::MIN, 1), "-9223372036854775808");
    }
}
