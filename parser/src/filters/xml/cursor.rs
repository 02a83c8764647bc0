//! What all readers of XML do at the place that they have come to.

/// How deep elements may lie in each other.
pub(super) const DEPTH_MAX: usize = 500;

/// A reader with what is still to be read.
pub(super) trait Cursor<'a> {
    fn rest(&mut self) -> &mut &'a str;

    /// Passes over this, if it comes next.
    fn skip(&mut self, what: &str) -> bool {
        let rest = self.rest();
        let behind = rest.strip_prefix(what);
        *rest = behind.unwrap_or(rest);
        behind.is_some()
    }

    /// Passes over white space; says whether there was any.
    fn skip_space(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let is_any = trimmed.len() < rest.len();
        *rest = trimmed;
        is_any
    }

    /// So many bytes, which are passed over.
    fn take(&mut self, length: usize) -> &'a str {
        let rest = self.rest();
        let (taken, behind) = rest.split_at(length);
        *rest = behind;
        taken
    }

    /// What stands before `end`, which is passed over.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let rest = self.rest();
        let (before, behind) = rest.split_once(end)?;
        *rest = behind;
        Some(before)
    }

    /// What stands in quotes; the first of them comes next.
    fn quoted(&mut self, quote: char) -> Option<&'a str> {
        self.take(quote.len_utf8());
        self.until(quote.encode_utf8(&mut [0; 4]))
    }

    /// Passes over what is left of a declaration.
    fn rest_of_declaration(&mut self) -> Option<()> {
        loop {
            let at = self.rest().find(['>', '"', '\''])?;
            self.take(at);
            if self.skip(">") {
                return Some(());
            }
            let quote = self.rest().chars().next()?;
            self.quoted(quote)?;
        }
    }
}
