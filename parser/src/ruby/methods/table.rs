//! `CSV`: rows of separated values and back.

use crate::event::Arena;
use crate::filters::csv::Dialect;
use crate::ruby::class::Class;
use crate::ruby::interp::{Eval, Run};
use crate::ruby::value::Val;

impl Run<'_, '_> {
    /// The values of the first row; `nil` where there is none.
    pub(super) fn parse_csv(&mut self, text: &str) -> Eval {
        let rows = self.csv_rows(text, true)?;
        let rows = self.memory.heap.array(rows).map(<[Val]>::to_vec);
        Ok(rows
            .and_then(|rows| rows.first().copied())
            .unwrap_or(Val::Nil))
    }

    /// The rows of a text as lists.
    pub(super) fn csv_rows(&mut self, text: &str, first: bool) -> Eval {
        self.steps(1 + text.len() / 16)?;
        let Some(dialect) = Dialect::new(",", "\"") else {
            return Ok(Val::Nil);
        };
        let arena = Arena::new();
        let mut rows = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && (rows.is_empty() || !first) {
            let Ok((values, after)) = dialect.row(rest, &arena) else {
                return self.raise(Class::MalformedCsvError, "Illegal quoting in line 1.");
            };
            let values = values
                .into_iter()
                .map(|value| value.map_or(Val::Nil, |value| self.new_str(value)))
                .collect();
            rows.push(self.new_array(values));
            if after.len() >= rest.len() {
                break;
            }
            rest = after;
        }
        Ok(self.new_array(rows))
    }

    /// A row of these values, with its line end.
    pub(super) fn csv_line(&mut self, values: &[Val]) -> Eval {
        let mut line = String::new();
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                line.push(',');
            }
            let text = self.text_of(*value)?;
            let quotes = text.contains([',', '"', '\n', '\r'])
                || (text.is_empty() && !value.is_nil())
                || text.starts_with(' ')
                || text.ends_with(' ');
            if quotes {
                line.push('"');
                line.push_str(&text.replace('"', "\"\""));
                line.push('"');
            } else {
                line.push_str(&text);
            }
        }
        line.push('\n');
        Ok(self.new_string(line))
    }
}
