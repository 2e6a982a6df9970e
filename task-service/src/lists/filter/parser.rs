//! Parses tokens into terms.

use chrono::{DateTime, Utc};
use contract::refusal::Problem;
use unicode_normalization::UnicodeNormalization as _;

use super::{
    Operator, Term, TimeField,
    lexer::{PositionedToken, Token, tokens},
    syntax_error,
};
use crate::tasks::values::{Priority, Status};

/// The terms of `text`.
pub(super) fn terms(text: &str) -> Result<Vec<Term>, Problem> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        end: text.chars().count() + 1,
        rest: &tokens,
    };
    let mut terms = Vec::new();
    if parser.rest.is_empty() {
        return Ok(terms);
    }
    loop {
        terms.push(parser.term()?);
        match parser.next() {
            None => return Ok(terms),
            Some((_, Token::Word(word))) if word == "AND" => {}
            Some((position, _)) => return Err(syntax_error(*position, "expected AND or the end")),
        }
    }
}

struct Parser<'a> {
    rest: &'a [PositionedToken],
    end: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a PositionedToken> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn term(&mut self) -> Result<Term, Problem> {
        match self.next() {
            Some((_, Token::Text(text))) => Ok(Term::Text(text.nfc().collect())),
            Some((position, Token::Word(word))) => match word.as_str() {
                "status" => self.status(),
                "priority" => self.priority(),
                "due_time" => self.time(TimeField::Due),
                "create_time" => self.time(TimeField::Create),
                "update_time" => self.time(TimeField::Update),
                "labels" => self.label(),
                "AND" => Err(syntax_error(*position, "expected a field or a string")),
                other => Err(syntax_error(
                    *position,
                    &format!("`{other}` is not a field that can be filtered by"),
                )),
            },
            Some((position, _)) => Err(syntax_error(*position, "expected a field or a string")),
            None => Err(syntax_error(self.end, "expected a field or a string")),
        }
    }

    fn operator(&mut self) -> Result<(usize, Operator), Problem> {
        match self.next() {
            Some((position, Token::Operator(operator))) => Ok((*position, *operator)),
            Some((position, _)) => Err(syntax_error(*position, "expected one of = != < <= > >=")),
            None => Err(syntax_error(self.end, "expected one of = != < <= > >=")),
        }
    }

    fn name(&mut self) -> Result<(usize, &'a str), Problem> {
        match self.next() {
            Some((position, Token::Word(word))) => Ok((*position, word)),
            Some((position, _)) => Err(syntax_error(*position, "expected a name")),
            None => Err(syntax_error(self.end, "expected a value")),
        }
    }

    fn status(&mut self) -> Result<Term, Problem> {
        let (position, operator) = self.operator()?;
        if !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(syntax_error(position, "status takes only = and !="));
        }
        let (position, name) = self.name()?;
        let mut all = Status::ALL.into_iter();
        match all.find(|status| names(status.name(), "TASK_STATUS_", name)) {
            Some(status) => Ok(Term::Status(operator, status)),
            None => Err(unknown(
                position,
                name,
                "status",
                &Status::ALL.map(Status::name),
            )),
        }
    }

    fn priority(&mut self) -> Result<Term, Problem> {
        let (_, operator) = self.operator()?;
        let (position, name) = self.name()?;
        let mut all = Priority::ALL.into_iter();
        match all.find(|priority| names(priority.name(), "TASK_PRIORITY_", name)) {
            Some(priority) => Ok(Term::Priority(operator, priority)),
            None => Err(unknown(
                position,
                name,
                "priority",
                &Priority::ALL.map(Priority::name),
            )),
        }
    }

    fn time(&mut self, field: TimeField) -> Result<Term, Problem> {
        let (_, operator) = self.operator()?;
        let expected = "expected a time in RFC 3339, such as \"2026-01-31T00:00:00Z\"";
        match self.next() {
            Some((position, Token::Text(text))) => match DateTime::parse_from_rfc3339(text) {
                Ok(time) => Ok(Term::Time(field, operator, time.with_timezone(&Utc))),
                Err(_not_rfc_3339) => Err(syntax_error(*position, expected)),
            },
            Some((position, _)) => Err(syntax_error(*position, expected)),
            None => Err(syntax_error(self.end, "expected a value")),
        }
    }

    fn label(&mut self) -> Result<Term, Problem> {
        let expected = "expected `:` and a string, as in labels:\"home\"";
        let position = match self.next() {
            Some((position, Token::Has)) => *position,
            Some((position, _)) => return Err(syntax_error(*position, expected)),
            None => return Err(syntax_error(self.end, expected)),
        };
        match self.next() {
            Some((_, Token::Text(text))) => Ok(Term::Label(text.nfc().collect())),
            Some((position, _)) => Err(syntax_error(*position, expected)),
            None => Err(syntax_error(position + 1, expected)),
        }
    }
}

/// Whether `name` is the name of an enum value, with or without its prefix.
fn names(short: &str, prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix).unwrap_or(name) == short
}

fn unknown(position: usize, name: &str, kind: &str, known: &[&str]) -> Problem {
    let known = known.join(", ");
    syntax_error(
        position,
        &format!("`{name}` is not a {kind}; there are {known}"),
    )
}
