//! Splits a Joda-Time pattern into letters and literals.
//!
//! As `org.joda.time.format.DateTimeFormat`: a run of one letter is a field, everything else is literal; text in
//! single quotes is literal too, and two quotes are one.

use super::PatternError;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A letter and how often it is repeated.
    Letter(u8, usize),
    Literal(String),
}

impl Token {
    /// Whether this is a field that is written in digits. A year before such a field takes no more digits than
    /// the pattern has letters.
    pub(crate) fn is_numeric(&self) -> bool {
        match self {
            Self::Letter(b'M', count) => *count <= 2,
            Self::Letter(letter, _) => b"cCxyYdhHmsSeDFwWkK".contains(letter),
            Self::Literal(_) => false,
        }
    }
}

/// The parts of a pattern.
pub(crate) fn tokens(pattern: &str) -> Result<Vec<Token>, PatternError> {
    if pattern.is_empty() {
        return Err(PatternError::Empty);
    }
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(&first) = chars.peek() {
        if first.is_ascii_alphabetic() {
            let mut count = 0;
            while chars.next_if_eq(&first).is_some() {
                count += 1;
            }
            tokens.push(Token::Letter(first as u8, count));
            continue;
        }
        let mut literal = String::new();
        let mut quoted = false;
        while let Some(&next) = chars.peek() {
            if !quoted && next.is_ascii_alphabetic() {
                break;
            }
            chars.next();
            if next != '\'' || chars.next_if_eq(&'\'').is_some() {
                literal.push(next);
            } else {
                quoted = !quoted;
            }
        }
        if !literal.is_empty() {
            tokens.push(Token::Literal(literal));
        }
    }
    for token in &tokens {
        if let Token::Letter(letter, count) = token
            && !b"GCxyYMdahHkKmsSeEDwzZ".contains(letter)
        {
            return Err(PatternError::UnknownLetter {
                letters: char::from(*letter).to_string().repeat(*count),
                pattern: pattern.to_owned(),
            });
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Token::{Letter, Literal};

    #[test]
    fn letters_quotes_and_literals() {
        let literal = |text: &str| Literal(text.to_owned());
        assert_eq!(
            tokens("dd/MMM'T''x'''y").unwrap(),
            [
                Letter(b'd', 2),
                literal("/"),
                Letter(b'M', 3),
                literal("T'x'"),
                Letter(b'y', 1)
            ]
        );
        assert_eq!(tokens("HH''mm").unwrap()[1], literal("'"));
        assert_eq!(tokens("%ss").unwrap(), [literal("%"), Letter(b's', 2)]);
        assert_eq!(tokens("HH'h").unwrap(), [Letter(b'H', 2), literal("h")]);
        assert!(tokens("yyyy-MM-ddTHH").is_err());
        assert_eq!(tokens(""), Err(PatternError::Empty));
    }
}
