//! A recipe's arguments: its own, and those after `--` that it passes on.

use crate::failure::Failure;

/// What stands after the recipe's name. Options are taken out one by one; [`Arguments::finish`] refuses what is left.
#[derive(Debug)]
pub(crate) struct Arguments {
    own: Vec<String>,
    passed_on: Vec<String>,
}

impl Arguments {
    pub(crate) fn new(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut own: Vec<String> = arguments.into_iter().collect();
        let passed_on = own
            .iter()
            .position(|argument| argument == "--")
            .map(|separator| own.split_off(separator).split_off(1))
            .unwrap_or_default();
        Self { own, passed_on }
    }

    /// Takes the flag out; true if it was given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.own.len();
        self.own.retain(|argument| argument != name);
        self.own.len() != before
    }

    /// Takes `NAME N` out.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(position) = self.own.iter().position(|argument| argument == name) else {
            return Ok(None);
        };
        self.own.remove(position);
        if position == self.own.len() {
            return Err(Failure::usage(format!("{name} needs a number")));
        }
        let value = self.own.remove(position);
        value
            .parse()
            .map(Some)
            .map_err(|_| Failure::usage(format!("{name} needs a number, not `{value}`")))
    }

    /// Takes the first argument that is no option.
    pub(crate) fn positional(&mut self) -> Option<String> {
        let position = self.own.iter().position(|text| !text.starts_with('-'))?;
        Some(self.own.remove(position))
    }

    /// Refuses arguments that nobody took; returns those after `--`.
    pub(crate) fn finish(self) -> Result<Vec<String>, Failure> {
        match self.own.first() {
            None => Ok(self.passed_on),
            Some(unknown) => Err(Failure::usage(format!(
                "`{unknown}` is not understood here; arguments to pass on stand after `--`"
            ))),
        }
    }

    /// As [`Arguments::finish`], for recipes that pass nothing on.
    pub(crate) fn finish_without_passing_on(self) -> Result<(), Failure> {
        match self.finish()?.first() {
            None => Ok(()),
            Some(argument) => Err(Failure::usage(format!(
                "this recipe passes nothing on, and so has no use for `{argument}`"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Arguments {
        Arguments::new(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_stands_after_the_separator_is_passed_on_untouched() {
        let mut given = arguments("--vendored -- --vendored -- --port 1");
        assert!(given.flag("--vendored"));
        assert!(!given.flag("--vendored"));
        assert_eq!(given.finish().unwrap(), ["--vendored", "--", "--port", "1"]);
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(arguments("--port 1").finish().is_err());
        assert!(arguments("-- x").finish_without_passing_on().is_err());
    }

    #[test]
    fn a_number_is_taken_with_its_name() {
        let mut given = arguments("jws --seconds 5");
        assert_eq!(given.number("--seconds"), Ok(Some(5)));
        assert_eq!(given.number("--seconds"), Ok(None));
        assert_eq!(given.positional().as_deref(), Some("jws"));
        given.finish_without_passing_on().unwrap();
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        assert!(arguments("--seconds").number("--seconds").is_err());
        assert!(arguments("--seconds x").number("--seconds").is_err());
    }
}
