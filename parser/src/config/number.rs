//! What a number of the configuration language is worth.

/// A number, as Ruby's `Integer()` and `Float()` read it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Without a point; octal after a leading zero.
    Integer(i64),
    /// With a point.
    Float(f64),
}

impl Number {
    /// Reads a number as written. `None` for what Logstash refuses, too: `5.` (no digit after the point), `08` (not octal), and
    /// for integers beyond 64 bits.
    pub fn parse(text: &str) -> Option<Number> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text),
        };
        if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.ends_with('.') {
            return None;
        }
        if digits.contains('.') {
            return text.parse().ok().map(Number::Float);
        }
        let radix = if digits.len() > 1 && digits.starts_with('0') {
            8
        } else {
            10
        };
        i64::from_str_radix(&format!("{sign}{digits}"), radix)
            .ok()
            .map(Number::Integer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_ruby_reads_them() {
        assert_eq!(Number::parse("42"), Some(Number::Integer(42)));
        assert_eq!(Number::parse("-010"), Some(Number::Integer(-8)));
        assert_eq!(Number::parse("0"), Some(Number::Integer(0)));
        assert_eq!(Number::parse("0.50"), Some(Number::Float(0.5)));
        assert_eq!(Number::parse("010.5"), Some(Number::Float(10.5)));
        for refused in [
            "5.",
            "08",
            "",
            "-",
            "1e3",
            "+1",
            "99999999999999999999",
            ".5",
        ] {
            assert_eq!(Number::parse(refused), None, "{refused}");
        }
    }
}
