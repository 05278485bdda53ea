//! Text for people, line by line, with a few styles for terminals.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::clean;

/// Text for people, line by line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
enum Line {
    Text(String, Style),
    Field(String, String, Style),
    Blank,
    Nested(Page),
}

/// How far a page within another is indented.
const INDENT: &str = "  ";
const NAME: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();
const TITLE: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

impl Page {
    /// A line of its own.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.text(text.as_ref(), PLAIN)
    }

    /// What follows is about this.
    pub(crate) fn title(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.text(text.as_ref(), TITLE)
    }

    /// A line that tells whether all is well.
    pub(crate) fn verdict(&mut self, is_good: bool, text: impl AsRef<str>) -> &mut Self {
        self.text(text.as_ref(), tone(is_good))
    }

    fn text(&mut self, text: &str, style: Style) -> &mut Self {
        self.lines.push(Line::Text(clean(text), style));
        self
    }

    /// An empty line, unless it would be the first.
    pub(crate) fn blank(&mut self) -> &mut Self {
        if !self.lines.is_empty() {
            self.lines.push(Line::Blank);
        }
        self
    }

    /// A name and its value; values of neighbouring fields are aligned.
    pub(crate) fn field(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        self.styled_field(name, value.as_ref(), PLAIN)
    }

    /// A field whose value tells whether all is well.
    pub(crate) fn judged(
        &mut self,
        name: &str,
        is_good: bool,
        value: impl AsRef<str>,
    ) -> &mut Self {
        self.styled_field(name, value.as_ref(), tone(is_good))
    }

    fn styled_field(&mut self, name: &str, value: &str, style: Style) -> &mut Self {
        let line = Line::Field(name.to_owned(), clean(value), style);
        self.lines.push(line);
        self
    }

    /// A field if there is a value.
    pub(crate) fn optional(&mut self, name: &str, value: Option<impl AsRef<str>>) -> &mut Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// A name and its values, one below the other; nothing if there is none.
    pub(crate) fn list<I>(&mut self, name: &str, values: I) -> &mut Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.styled_list(name, values, PLAIN)
    }

    /// A list of what is wrong.
    pub(crate) fn faults<I>(&mut self, name: &str, values: I) -> &mut Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.styled_list(name, values, BAD)
    }

    fn styled_list<I>(&mut self, name: &str, values: I, style: Style) -> &mut Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut name = name;
        for value in values {
            self.styled_field(name, value.as_ref(), style);
            name = "";
        }
        self
    }

    /// Another page, indented.
    pub(crate) fn nested(&mut self, page: Page) -> &mut Self {
        self.lines.push(Line::Nested(page));
        self
    }

    /// The whole text, with escape sequences for a terminal.
    pub(crate) fn styled(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, "");
        text
    }

    fn write(&self, text: &mut String, indent: &str) {
        for group in self
            .lines
            .chunk_by(|one, next| one.is_field() && next.is_field())
        {
            let width = group.iter().map(Line::name_width).max().unwrap_or(0);
            for line in group {
                // Writing to a String does not fail.
                let _ = match line {
                    Line::Blank => writeln!(text),
                    Line::Text(line, style) => writeln!(text, "{indent}{style}{line}{style:#}"),
                    Line::Field(name, value, _) if value.is_empty() => {
                        writeln!(text, "{indent}{NAME}{name}{NAME:#}")
                    }
                    Line::Field(name, value, style) => {
                        let value = value.trim_end();
                        let gap = " ".repeat(width.saturating_sub(name.chars().count()));
                        let name = match name.as_str() {
                            "" => String::new(),
                            name => format!("{NAME}{name}{NAME:#}"),
                        };
                        writeln!(text, "{indent}{name}{gap}  {style}{value}{style:#}")
                    }
                    Line::Nested(page) => {
                        page.write(text, &format!("{indent}{INDENT}"));
                        Ok(())
                    }
                };
            }
        }
    }
}

fn tone(is_good: bool) -> Style {
    if is_good { GOOD } else { BAD }
}

impl Line {
    fn is_field(&self) -> bool {
        matches!(self, Self::Field(..))
    }

    fn name_width(&self) -> usize {
        match self {
            Self::Field(name, ..) => name.chars().count(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Page {
        /// The whole text, as it looks.
        fn render(&self) -> String {
            anstream::adapter::strip_str(&self.styled()).to_string()
        }
    }

    #[test]
    fn neighbouring_fields_are_aligned_and_lists_hang() {
        let mut page = Page::default();
        page.blank().line("Certificate");
        page.field("a", "1")
            .list("longer", ["2", "3"])
            .list("none", [""; 0]);
        page.optional("nothing", None::<&str>)
            .blank()
            .field("b", "4");
        let mut outer = Page::default();
        outer.line("Outer").nested(page);
        assert_eq!(
            outer.render(),
            "Outer\n  Certificate\n  a       1\n  longer  2\n          3\n\n  b  4\n"
        );
    }

    #[test]
    fn a_terminal_is_never_given_control_characters() {
        let mut page = Page::default();
        page.field("name", "\u{1b}[2Jevil\u{202e}\n\u{9b}x")
            .line("\u{7}");
        let text = page.render();
        assert!(
            text.chars().all(|one| one == '\n' || !one.is_control()),
            "{text:?}"
        );
        assert!(text.contains("\\u{1b}[2Jevil\\u{202e}\\u{a}\\u{9b}x"));
    }

    #[test]
    fn what_is_good_and_what_is_not_have_colours_of_their_own() {
        let mut page = Page::default();
        page.title("t")
            .judged("a", true, "1")
            .judged("a", false, "1");
        page.faults("a", ["1"]).verdict(false, "x");
        assert_eq!(
            page.styled(),
            "\u{1b}[1mt\u{1b}[0m\n\
             \u{1b}[2ma\u{1b}[0m  \u{1b}[32m1\u{1b}[0m\n\
             \u{1b}[2ma\u{1b}[0m  \u{1b}[1m\u{1b}[31m1\u{1b}[0m\n\
             \u{1b}[2ma\u{1b}[0m  \u{1b}[1m\u{1b}[31m1\u{1b}[0m\n\
             \u{1b}[1m\u{1b}[31mx\u{1b}[0m\n"
        );
    }
}
