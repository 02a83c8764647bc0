//! Patterns in the syntax of the other engines.

/// The pattern as the others write it, as far as grok patterns need it: plain groups do not capture in Ruby once a group has
/// a name, and names of groups there know no limits.
pub fn translated(source: &str) -> String {
    let (mut out, mut group, mut in_class) = (String::new(), 0, 0);
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let mut length = next.len_utf8();
        match next {
            '\\' => {
                length += rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
            }
            '[' => {
                in_class += 1;
                out.push_str(if in_class > 1 { "\\[" } else { "[" });
                in_class = 1;
            }
            ']' => {
                in_class = 0;
                out.push(']');
            }
            '(' if in_class == 0
                && rest.starts_with("(?<")
                && !rest.starts_with("(?<=")
                && !rest.starts_with("(?<!") =>
            {
                group += 1;
                length = rest.find('>').map_or(length, |end| end + 1);
                out.push_str(&format!("(?P<g{group}>"));
            }
            '(' if in_class == 0 && !rest.starts_with("(?") => out.push_str("(?:"),
            other => out.push(other),
        }
        rest = &rest[length..];
    }
    out
}
