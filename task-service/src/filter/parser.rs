//! From tokens to terms.

use chrono::{DateTime, Utc};
use shared::{
    proto::task::{TaskPriority, TaskStatus},
    refusal::Problem,
};
use unicode_normalization::UnicodeNormalization as _;

use super::{
    Operator, Term, TimeField, fault,
    lexer::{Placed, Token, tokens},
};

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
            Some((position, _)) => return Err(fault(*position, "expected AND or the end")),
        }
    }
}

struct Parser<'a> {
    rest: &'a [Placed],
    end: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a Placed> {
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
                "AND" => Err(fault(*position, "expected a field or a string")),
                other => Err(fault(
                    *position,
                    &format!("`{other}` is no field that can be filtered by"),
                )),
            },
            Some((position, _)) => Err(fault(*position, "expected a field or a string")),
            None => Err(fault(self.end, "expected a field or a string")),
        }
    }

    fn operator(&mut self) -> Result<(usize, Operator), Problem> {
        match self.next() {
            Some((position, Token::Operator(operator))) => Ok((*position, *operator)),
            Some((position, _)) => Err(fault(*position, "expected one of = != < <= > >=")),
            None => Err(fault(self.end, "expected one of = != < <= > >=")),
        }
    }

    fn name(&mut self) -> Result<(usize, &'a str), Problem> {
        match self.next() {
            Some((position, Token::Word(word))) => Ok((*position, word)),
            Some((position, _)) => Err(fault(*position, "expected a name")),
            None => Err(fault(self.end, "expected a value")),
        }
    }

    fn status(&mut self) -> Result<Term, Problem> {
        let (position, operator) = self.operator()?;
        if !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(fault(position, "status takes only = and !="));
        }
        let (position, name) = self.name()?;
        [
            TaskStatus::Pending,
            TaskStatus::InProgress,
            TaskStatus::Completed,
        ]
        .into_iter()
        .find(|status| is_called(status.as_str_name(), "TASK_STATUS_", name))
        .map(|status| Term::Status(operator, status))
        .ok_or_else(|| {
            fault(
                position,
                &format!("`{name}` is no status; there are PENDING, IN_PROGRESS, COMPLETED"),
            )
        })
    }

    fn priority(&mut self) -> Result<Term, Problem> {
        let (_, operator) = self.operator()?;
        let (position, name) = self.name()?;
        [TaskPriority::Low, TaskPriority::Normal, TaskPriority::High]
            .into_iter()
            .find(|priority| is_called(priority.as_str_name(), "TASK_PRIORITY_", name))
            .map(|priority| Term::Priority(operator, priority))
            .ok_or_else(|| {
                fault(
                    position,
                    &format!("`{name}` is no priority; there are LOW, NORMAL, HIGH"),
                )
            })
    }

    fn time(&mut self, field: TimeField) -> Result<Term, Problem> {
        let (_, operator) = self.operator()?;
        let expected = "expected a time in RFC 3339, such as \"2026-01-31T00:00:00Z\"";
        match self.next() {
            Some((position, Token::Text(text))) => match DateTime::parse_from_rfc3339(text) {
                Ok(time) => Ok(Term::Time(field, operator, time.with_timezone(&Utc))),
                Err(_not_rfc_3339) => Err(fault(*position, expected)),
            },
            Some((position, _)) => Err(fault(*position, expected)),
            None => Err(fault(self.end, "expected a value")),
        }
    }

    fn label(&mut self) -> Result<Term, Problem> {
        let expected = "expected `:` and a string, as in labels:\"home\"";
        let position = match self.next() {
            Some((position, Token::Has)) => *position,
            Some((position, _)) => return Err(fault(*position, expected)),
            None => return Err(fault(self.end, expected)),
        };
        match self.next() {
            Some((_, Token::Text(text))) => Ok(Term::Label(text.nfc().collect())),
            Some((position, _)) => Err(fault(*position, expected)),
            None => Err(fault(position + 1, expected)),
        }
    }
}

/// Whether an enum value goes by `name`: its full name, or that without the prefix.
fn is_called(full: &str, prefix: &str, name: &str) -> bool {
    full == name || full.strip_prefix(prefix) == Some(name)
}
