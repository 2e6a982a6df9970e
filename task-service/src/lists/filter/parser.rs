//! Parses tokens into a condition: a method for each rule of the grammar.

use contract::refusal::Problem;

use super::{
    Condition, LabelTerm, MAX_DEPTH, MAX_TERMS, MAX_TEXT_TERMS, Operator, Term, TextTerm,
    TimeField,
    lexer::{PositionedToken, Token, tokens},
    syntax_error,
    time::TimeLiteral,
};
use crate::tasks::values::{Priority, Status};

const TERM: &str = "expected a field or a string";
const LABEL: &str = "expected `:` and a string, as in labels:\"home\"";

/// The condition that `text` is; `None` when it is empty.
pub(super) fn condition(text: &str) -> Result<Option<Condition>, Problem> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser {
        end: text.chars().count() + 1,
        rest: &tokens,
        depth: 0,
        terms: 0,
        text_terms: 0,
    };
    let condition = parser.filter()?;
    match parser.next() {
        None => Ok(Some(condition)),
        Some((position, _)) => Err(syntax_error(*position, "expected AND, OR or the end")),
    }
}

struct Parser<'a> {
    rest: &'a [PositionedToken],
    /// The position after the last character.
    end: usize,
    /// Open parentheses.
    depth: usize,
    /// Terms so far.
    terms: usize,
    /// Terms so far that search for text.
    text_terms: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a PositionedToken> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Takes the next token if it is `token`.
    fn take(&mut self, token: &Token) -> bool {
        let follows = self.rest.first().is_some_and(|(_, next)| next == token);
        if follows {
            self.rest = &self.rest[1..];
        }
        follows
    }

    /// Takes the next token if it is the keyword.
    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.take(&Token::Word(keyword.to_owned()))
    }

    /// The position of the next token.
    fn position(&self) -> usize {
        self.rest
            .first()
            .map_or(self.end, |(position, _)| *position)
    }

    fn filter(&mut self) -> Result<Condition, Problem> {
        let mut all = vec![self.factor()?];
        while self.take_keyword("AND") {
            all.push(self.factor()?);
        }
        Ok(joined(all, Condition::All))
    }

    fn factor(&mut self) -> Result<Condition, Problem> {
        let mut any = vec![self.term()?];
        while self.take_keyword("OR") {
            any.push(self.term()?);
        }
        Ok(joined(any, Condition::Any))
    }

    fn term(&mut self) -> Result<Condition, Problem> {
        if self.take_keyword("NOT") || self.take(&Token::Minus) {
            return Ok(Condition::Not(Box::new(self.simple()?)));
        }
        self.simple()
    }

    fn simple(&mut self) -> Result<Condition, Problem> {
        let position = self.position();
        if !self.take(&Token::Open) {
            self.terms += 1;
            if self.terms > MAX_TERMS {
                return Err(too_many("TOO_MANY_TERMS", position, MAX_TERMS, "terms"));
            }
            return self.restriction().map(Condition::Term);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let what = "parentheses within each other";
            return Err(too_many("TOO_DEEP", position, MAX_DEPTH, what));
        }
        let inner = self.filter()?;
        let end = self.position();
        if !self.take(&Token::Close) {
            return Err(syntax_error(end, "expected AND, OR or `)`"));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn restriction(&mut self) -> Result<Term, Problem> {
        match self.next() {
            Some((position, Token::Text(text))) => self.text(*position, text),
            Some((position, Token::Word(word))) => match word.as_str() {
                "status" => self.status(),
                "priority" => self.priority(),
                "due_time" => self.time(TimeField::Due),
                "create_time" => self.time(TimeField::Create),
                "update_time" => self.time(TimeField::Update),
                "complete_time" => self.time(TimeField::Complete),
                "labels" => self.label(),
                "AND" | "OR" | "NOT" => Err(syntax_error(*position, TERM)),
                other => Err(syntax_error(
                    *position,
                    &format!("`{other}` is not a field that can be filtered by"),
                )),
            },
            Some((position, _)) => Err(syntax_error(*position, TERM)),
            None => Err(syntax_error(self.end, TERM)),
        }
    }

    fn text(&mut self, position: usize, text: &str) -> Result<Term, Problem> {
        self.text_terms += 1;
        if self.text_terms > MAX_TEXT_TERMS {
            let what = "terms that search for text";
            return Err(too_many(
                "TOO_MANY_TEXT_TERMS",
                position,
                MAX_TEXT_TERMS,
                what,
            ));
        }
        let text = TextTerm::parse(text).map_err(|problem| in_string(position, &problem))?;
        Ok(Term::Text(text))
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
        if self.take(&Token::Has) {
            let position = self.position();
            return if self.take(&Token::Star) {
                Ok(Term::HasTime(field))
            } else {
                Err(syntax_error(position, "expected `*`"))
            };
        }
        let (_, operator) = self.operator()?;
        let position = self.position();
        let text = match self.next() {
            Some((_, Token::Text(text))) => text,
            // No time either, but the error says what one looks like.
            Some(_) => "",
            None => return Err(syntax_error(position, "expected a value")),
        };
        let time = TimeLiteral::parse(text).map_err(|expected| syntax_error(position, expected))?;
        Ok(time.compared(field, operator))
    }

    fn label(&mut self) -> Result<Term, Problem> {
        let position = self.position();
        if !self.take(&Token::Has) {
            return Err(syntax_error(position, LABEL));
        }
        match self.next() {
            Some((_, Token::Star)) => Ok(Term::HasLabel),
            Some((position, Token::Text(text))) => {
                let label = LabelTerm::parse(text);
                let label = label.map_err(|problem| in_string(*position, &problem))?;
                Ok(Term::Label(label))
            }
            Some((position, _)) => Err(syntax_error(*position, LABEL)),
            None => Err(syntax_error(position + 1, LABEL)),
        }
    }
}

/// The only condition, or all of them joined.
fn joined(mut conditions: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => {
            conditions.extend(last);
            join(conditions)
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

fn in_string(position: usize, problem: &Problem) -> Problem {
    syntax_error(position, &format!("the string {}", problem.description))
}

fn too_many(reason: &'static str, position: usize, most: usize, what: &str) -> Problem {
    let description = format!("at character {position}: there can be at most {most} {what}");
    Problem::new(reason, description)
}
