//! Source code as tokens in nested blocks: enough to say in which function a call stands and under
//! which conditions, and no more.
//!
//! Deliberately absent: types, imports, and anything that only a compiler knows.

use std::ops::Range;

use super::commands::Standing;
use super::paths;
use super::tokens::tokens;
pub(super) use super::tokens::{Kind, Language, Token};

/// A file's tokens and blocks.
pub(super) struct Code<'a> {
    pub(super) language: Language,
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token<'a>>,
    /// The block that each token is in.
    within: Vec<usize>,
    blocks: Vec<Block>,
}

/// A block; the first one is the file.
#[derive(Debug, Clone, Default)]
struct Block {
    parent: usize,
    /// The tokens that lead to it, since the statement before.
    header: Range<usize>,
    /// The tokens inside.
    inside: Range<usize>,
    /// The function that it is the body of.
    function: Option<String>,
}

/// Where a token stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The innermost function with a name.
    pub(super) function: Option<String>,
    /// The type that the function belongs to.
    pub(super) owner: Option<String>,
    /// Whether it is reached.
    pub(super) standing: Standing,
    /// Whether the function is marked as one that is called at start-up.
    pub(super) marked: bool,
}

impl<'a> Code<'a> {
    pub(super) fn read(language: Language, text: &'a str) -> Self {
        let tokens = tokens(language, text);
        let mut code = Self {
            language,
            text,
            tokens,
            within: Vec::new(),
            blocks: vec![Block::default()],
        };
        if language == Language::Python {
            code.indented();
        } else {
            code.braced();
        }
        code
    }

    /// The text of the token at a place; empty where there is none.
    pub(super) fn at(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    /// Whether the tokens at a place are `wanted`.
    pub(super) fn are(&self, at: usize, wanted: &[&str]) -> bool {
        wanted
            .iter()
            .enumerate()
            .all(|(offset, wanted)| self.at(at + offset) == *wanted)
    }

    /// The place behind the bracket that closes the one at `at`.
    pub(super) fn behind(&self, at: usize) -> usize {
        let mut depth = 0_u32;
        for (offset, token) in self.tokens[at.min(self.tokens.len())..].iter().enumerate() {
            match (token.kind, token.text) {
                (Kind::Sign, "(" | "[" | "{") => depth += 1,
                (Kind::Sign, ")" | "]" | "}") => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + offset + 1;
                    }
                }
                _ => {}
            }
            if depth == 0 {
                return at + offset + 1;
            }
        }
        self.tokens.len()
    }

    fn braced(&mut self) {
        let mut open: Vec<(usize, u32)> = vec![(0, 0)];
        let mut begin = 0;
        let mut begins = Vec::new();
        let mut angles = 0_i32;
        for at in 0..self.tokens.len() {
            let (block, parens) = open.last().copied().unwrap_or_default();
            self.within.push(block);
            let token = &self.tokens[at];
            if token.kind != Kind::Sign {
                continue;
            }
            match token.text {
                "(" | "[" => {
                    if let Some((_, parens)) = open.last_mut() {
                        *parens += 1;
                    }
                }
                ")" | "]" => {
                    if let Some((_, parens)) = open.last_mut() {
                        *parens = parens.saturating_sub(1);
                    }
                }
                "{" => {
                    angles = 0;
                    let header = begin..at;
                    let function = self.function_name(&header);
                    self.blocks.push(Block {
                        parent: block,
                        header,
                        inside: at + 1..self.tokens.len(),
                        function,
                    });
                    open.push((self.blocks.len() - 1, 0));
                    begins.push(begin);
                    begin = at + 1;
                }
                "}" if open.len() > 1 => {
                    self.blocks[block].inside.end = at;
                    open.pop();
                    let before = begins.pop().unwrap_or(at + 1);
                    // A closure in brackets does not end the statement around it.
                    let goes_on = open.last().is_some_and(|(_, parens)| *parens > 0)
                            // Nor does a pattern: `Migrate { up } => …`.
                            || (self.at(at + 1) == "=" && self.at(at + 2) == ">");
                    begin = if goes_on { before } else { at + 1 };
                }
                ";" if parens == 0 => {
                    begin = at + 1;
                    angles = 0;
                }
                // Between type parameters a comma ends nothing.
                "," if parens == 0 && angles <= 0 => begin = at + 1,
                "<" => angles += 1,
                ">" if at == 0 || !matches!(self.at(at - 1), "-" | "=") => angles -= 1,
                _ => {}
            }
        }
    }

    /// Python's blocks, by indentation.
    fn indented(&mut self) {
        let mut open: Vec<(usize, usize)> = vec![(0, 0)];
        let mut at = 0;
        self.within = vec![0; self.tokens.len()];
        let mut decorators = 0..0;
        while at < self.tokens.len() {
            let indent = column(self.text, self.tokens[at].span.start);
            let end = self.logical_line(at);
            while open.len() > 1 && open.last().is_some_and(|(_, depth)| indent < *depth) {
                if let Some((block, _)) = open.pop() {
                    self.blocks[block].inside.end = at;
                }
            }
            let block = open.last().map_or(0, |(block, _)| *block);
            for within in &mut self.within[at..end] {
                *within = block;
            }
            if self.at(at) == "@" {
                let begin = if decorators.end == at {
                    decorators.start
                } else {
                    at
                };
                decorators = begin..end;
            } else {
                let opens = self.at(end.saturating_sub(1)) == ":";
                if opens {
                    let begin = if decorators.end == at {
                        decorators.start
                    } else {
                        at
                    };
                    let header = begin..end;
                    let function = (at..end.min(at + 3))
                        .find(|at| self.at(*at) == "def")
                        .map(|at| self.at(at + 1).to_owned());
                    // What follows belongs to it if it is indented more.
                    let next = self
                        .tokens
                        .get(end)
                        .map(|token| column(self.text, token.span.start));
                    if let Some(next) = next.filter(|next| *next > indent) {
                        self.blocks.push(Block {
                            parent: block,
                            header,
                            inside: end..self.tokens.len(),
                            function,
                        });
                        open.push((self.blocks.len() - 1, next));
                    }
                }
            }
            at = end.max(at + 1);
        }
    }

    /// Where the logical line of Python that begins at `at` ends.
    fn logical_line(&self, at: usize) -> usize {
        let mut depth = 0_u32;
        for end in at..self.tokens.len() {
            match (self.tokens[end].kind, self.at(end)) {
                (Kind::Sign, "(" | "[" | "{") => depth += 1,
                (Kind::Sign, ")" | "]" | "}") => depth = depth.saturating_sub(1),
                _ => {}
            }
            let Some(next) = self.tokens.get(end + 1) else {
                return end + 1;
            };
            let between = &self.text[self.tokens[end].span.end..next.span.start];
            if depth == 0 && between.contains('\n') && !between.contains('\\') {
                return end + 1;
            }
        }
        self.tokens.len()
    }

    /// The name of the function whose body follows a header.
    fn function_name(&self, header: &Range<usize>) -> Option<String> {
        let names = || {
            header
                .clone()
                .filter(|at| self.tokens[*at].kind == Kind::Name)
        };
        let word = |at: usize| self.at(at);
        let name = match self.language {
            Language::Rust => names().find(|at| word(*at) == "fn").map(|at| at + 1),
            Language::Go => names().find(|at| word(*at) == "func").and_then(|at| {
                // `func (s *Store) Name(`: the receiver comes first.
                let after = if word(at + 1) == "(" {
                    self.behind(at + 1)
                } else {
                    at + 1
                };
                (self.tokens.get(after)?.kind == Kind::Name
                    && word(after + 1) == "("
                    && after < header.end)
                    .then_some(after)
            }),
            Language::Script => names()
                .find(|at| word(*at) == "function")
                .map(|at| if word(at + 1) == "*" { at + 2 } else { at + 1 })
                .filter(|at| {
                    self.tokens
                        .get(*at)
                        .is_some_and(|token| token.kind == Kind::Name)
                })
                .or_else(|| self.arrow(header))
                .or_else(|| self.method(header)),
            Language::CSharp => self.method(header),
            Language::Python => None,
        }?;
        (name < header.end).then(|| word(name).to_owned())
    }

    /// `const name = async (…) =>`, `name: (…) =>`.
    fn arrow(&self, header: &Range<usize>) -> Option<usize> {
        let is_arrow =
            header.len() >= 2 && self.at(header.end - 1) == ">" && self.at(header.end - 2) == "=";
        let first = header.clone().find(|at| {
            !matches!(
                self.at(*at),
                "export"
                    | "const"
                    | "let"
                    | "var"
                    | "async"
                    | "default"
                    | "public"
                    | "private"
                    | "static"
            )
        })?;
        // A type may stand between the name and `=`.
        let assigned = matches!(self.at(first + 1), "=" | ":");
        (is_arrow && assigned && self.tokens[first].kind == Kind::Name).then_some(first)
    }

    /// `async name(…) {` or `public void Name(…) {`.
    fn method(&self, header: &Range<usize>) -> Option<usize> {
        let open = header.clone().find(|at| self.at(*at) == "(")?;
        let name = open.checked_sub(1).filter(|at| header.contains(at))?;
        let keyword = matches!(
            self.at(name),
            "if" | "for"
                | "while"
                | "switch"
                | "catch"
                | "function"
                | "with"
                | "using"
                | "lock"
                | "foreach"
                | "return"
        );
        let called =
            name > header.start && matches!(self.at(name - 1), "." | "=" | "(" | "new" | "await");
        let closes =
            self.behind(open) <= header.end && self.at(header.end.saturating_sub(1)) != ">";
        (self.tokens[name].kind == Kind::Name && !keyword && !called && closes).then_some(name)
    }

    /// Where a token stands.
    pub(super) fn place(&self, at: usize) -> Place {
        let mut standing = self.inline(at);
        let mut block = self.within.get(at).copied().unwrap_or_default();
        let mut place = Place {
            function: None,
            owner: None,
            standing: Standing::Always,
            marked: false,
        };
        let mut inner = at;
        while block != 0 {
            let header = self.blocks[block].header.clone();
            if let Some(label) = self.label(block, inner) {
                standing = worse(standing, self.condition(label));
            }
            if self.is_test(&header) {
                standing = Standing::Asked;
            }
            match &self.blocks[block].function {
                Some(function) if place.function.is_none() => {
                    place.function = Some(function.clone());
                    place.marked = self.is_marked(&header);
                }
                Some(_) => {}
                // Conditions around a function are not those of its calls.
                None if place.function.is_none() => {
                    standing = worse(standing, self.condition(header.clone()));
                    if self.is_task(block) || self.names_task(header.clone()) {
                        standing = Standing::Asked;
                    }
                }
                None => {}
            }
            if place.owner.is_none() {
                place.owner = self.owner(&header);
            }
            inner = header.start;
            block = self.blocks[block].parent;
        }
        place.standing = standing;
        place
    }

    /// The type whose functions a header begins: `impl Store {`, `class Store {`, `func (s *Store)`.
    fn owner(&self, header: &Range<usize>) -> Option<String> {
        let is = |at: usize, text: &str| self.at(at) == text;
        let name = match self.language {
            Language::Rust => {
                let begin = header.clone().find(|at| is(*at, "impl"))?;
                let of = (begin..header.end).find(|at| is(*at, "for"));
                // Parameters of the type come first: `impl<'a> Store<'a> {`.
                let first = of.map_or(begin + 1, |at| at + 1);
                let first = if is(first, "<") {
                    self.behind_angle(first)
                } else {
                    first
                };
                // The last name of the path.
                let end = (first..header.end).find(|at| is(*at, "<") || is(*at, "where"));
                let path = first..end.unwrap_or(header.end);
                path.rev().find(|at| self.tokens[*at].kind == Kind::Name)?
            }
            Language::Go => {
                let func = header.clone().find(|at| is(*at, "func"))?;
                if !is(func + 1, "(") {
                    return None;
                }
                let receiver = func + 2..self.behind(func + 1).saturating_sub(1);
                let end = receiver
                    .clone()
                    .find(|at| is(*at, "["))
                    .unwrap_or(receiver.end);
                (receiver.start..end)
                    .rev()
                    .find(|at| self.tokens[*at].kind == Kind::Name)?
            }
            _ => header.clone().find(|at| is(*at, "class"))? + 1,
        };
        (name < header.end).then(|| self.at(name).to_owned())
    }

    /// The place behind the `>` that closes the `<` at `at`.
    fn behind_angle(&self, at: usize) -> usize {
        let mut depth = 0_u32;
        for (offset, token) in self.tokens[at..].iter().enumerate().take(200) {
            match token.text {
                "<" => depth += 1,
                ">" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at + offset + 1;
            }
        }
        at
    }

    /// The conditions in the statement itself: an arm without braces, a name of a command.
    fn inline(&self, at: usize) -> Standing {
        let block = self.within.get(at).copied().unwrap_or_default();
        let inside = self.blocks[block].inside.start;
        let begin = (inside..at)
            .rev()
            .take(200)
            .take_while(|at| !matches!(self.at(*at), ";" | "{" | "}"))
            .last()
            .unwrap_or(at);
        let statement = begin..at;
        let arm = statement.clone().rev().find(|at| {
            self.at(*at) == "="
                && self.at(at + 1) == ">"
                && self.tokens[*at].span.end == self.tokens[at + 1].span.start
        });
        let mut standing = Standing::Always;
        if let (Some(arm), Language::Rust) = (arm, self.language) {
            standing = worse(standing, self.named(self.pattern(arm, inside)..arm));
        }
        if self.names_task(statement) {
            Standing::Asked
        } else {
            standing
        }
    }

    /// Whether tokens name a command that migrates: `.command("migrate")`, `Use: "migrate"`.
    fn names_task(&self, mut tokens: Range<usize>) -> bool {
        tokens.any(|at| {
            let before = |by: usize| at.checked_sub(by).map_or("", |at| self.at(at));
            self.tokens[at].kind == Kind::Text
                && !self.at(at).contains(' ')
                && paths::speaks_of_migration(self.at(at))
                && matches!(before(1), "(" | ":")
                && matches!(
                    before(2),
                    "command" | "Use" | "Name" | "name" | "add_parser" | "task"
                )
        })
    }

    /// Where the pattern before the `=>` at `arm` begins.
    fn pattern(&self, arm: usize, inside: usize) -> usize {
        let mut depth = 0_u32;
        let mut begin = arm;
        while begin > inside {
            match self.at(begin - 1) {
                ")" | "]" | "}" if begin == arm || depth > 0 => depth += 1,
                "(" | "[" | "{" if depth > 0 => depth -= 1,
                "(" | "[" | "{" | "}" | "," | ";" if depth == 0 => break,
                _ => {}
            }
            begin -= 1;
        }
        begin
    }

    /// The label of `case` that a token in a block stands under.
    fn label(&self, block: usize, at: usize) -> Option<Range<usize>> {
        let header = self.blocks[block].header.clone();
        let switches = header
            .clone()
            .any(|at| matches!(self.at(at), "switch" | "select"));
        if !switches {
            return None;
        }
        let case = (self.blocks[block].inside.start..at)
            .rev()
            .find(|at| matches!(self.at(*at), "case" | "default") && self.within[*at] == block)?;
        let end = (case..at).find(|at| self.at(*at) == ":").unwrap_or(at);
        Some(case..end)
    }

    /// What a header that is no function says about whether its block is reached.
    fn condition(&self, header: Range<usize>) -> Standing {
        let arm = |at: usize| {
            self.language == Language::Rust && self.at(at) == "=" && self.at(at + 1) == ">"
        };
        let decides = header.clone().any(|at| {
            matches!(
                self.at(at),
                "if" | "elif" | "case" | "when" | "unless" | "match" | "switch"
            ) || arm(at)
        });
        // `var migrateCmd = &cobra.Command{`.
        if !decides && self.language != Language::Go {
            return Standing::Always;
        }
        self.named(header)
    }

    /// Whether names or texts among tokens say that migrating was asked for.
    fn named(&self, tokens: Range<usize>) -> Standing {
        let mut standing = Standing::Always;
        for at in tokens {
            let token = &self.tokens[at];
            if token.kind == Kind::Sign || !paths::speaks_of_migration(token.text) {
                continue;
            }
            let lower = token.text.to_lowercase();
            let at_start = ["auto", "startup", "start_up", "on_start", "onstart", "boot"]
                .iter()
                .any(|it| lower.contains(it));
            standing = worse(
                standing,
                if at_start {
                    Standing::If(token.text.to_owned())
                } else {
                    Standing::Asked
                },
            );
        }
        standing
    }

    fn is_test(&self, header: &Range<usize>) -> bool {
        let tests = |at: usize| {
            let text = self.at(at);
            match self.language {
                Language::Rust => text == "test" || text == "tests",
                Language::Go => text.starts_with("Test") || text.starts_with("Benchmark"),
                Language::Python => text.starts_with("test_") || text == "fixture",
                Language::Script => matches!(text, "describe" | "beforeAll" | "beforeEach" | "it"),
                Language::CSharp => matches!(text, "Fact" | "Test" | "TestMethod"),
            }
        };
        header
            .clone()
            .any(|at| self.tokens[at].kind == Kind::Name && tests(at))
    }

    /// Whether a function is called at start-up by what stands before it.
    fn is_marked(&self, header: &Range<usize>) -> bool {
        header.clone().any(|at| match self.language {
            Language::Rust => matches!(self.at(at), "launch" | "main") && self.at(at + 1) == "]",
            Language::Python => {
                self.tokens[at].kind == Kind::Text
                    && matches!(self.at(at), "startup" | "before_serving")
            }
            _ => false,
        })
    }

    /// Whether a block is the description of a command that migrates.
    fn is_task(&self, block: usize) -> bool {
        let header = self.blocks[block].header.clone();
        if !header.clone().any(|at| self.at(at) == "Command") {
            return false;
        }
        let inside = self.blocks[block].inside.clone();
        inside.clone().any(|at| {
            matches!(self.at(at), "Use" | "Name")
                && self.at(at + 1) == ":"
                && self.within[at] == block
                && paths::speaks_of_migration(self.at(at + 2))
        })
    }
}

fn worse(one: Standing, other: Standing) -> Standing {
    match (one, other) {
        (Standing::Asked, _) | (_, Standing::Asked) => Standing::Asked,
        (Standing::If(text), _) | (_, Standing::If(text)) => Standing::If(text),
        _ => Standing::Always,
    }
}

/// How far a place is from the beginning of its line.
fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(language: Language, text: &str) -> Place {
        let code = Code::read(language, text);
        let at = (0..code.tokens.len())
            .find(|at| code.at(*at) == "HERE")
            .unwrap();
        code.place(at)
    }

    fn stands(language: Language, text: &str) -> (Option<String>, Standing) {
        let place = place(language, text);
        (place.function, place.standing)
    }

    #[test]
    fn functions_are_found() {
        for (language, text, name) in [
            (
                Language::Rust,
                "impl A { async fn run(&self) -> R<()> { let x = || { HERE() }; } }",
                Some("run"),
            ),
            (Language::Rust, "static M: X = HERE();", None),
            (
                Language::Rust,
                "struct A { x: u8 } fn f<P, Q>(p: P) -> R<P, Q> { HERE() }",
                Some("f"),
            ),
            (
                Language::Go,
                "func (s *Store) Migrate(ctx C) error { if x { HERE() } }",
                Some("Migrate"),
            ),
            (
                Language::Go,
                "func main() {\n go func() { HERE() }()\n}",
                Some("main"),
            ),
            (
                Language::Script,
                "export const start = async () => { await HERE(); }",
                Some("start"),
            ),
            (
                Language::Script,
                "class A { async onModuleInit() { HERE() } }",
                Some("onModuleInit"),
            ),
            (
                Language::Script,
                "function a() {}\nx.then(() => { HERE() })",
                None,
            ),
            (
                Language::Script,
                "async function boot(a) { try { HERE() } catch (e) {} }",
                Some("boot"),
            ),
            (
                Language::Python,
                "def a():\n    pass\n\nasync def b(\n    x,\n):\n    if x:\n        HERE()\n",
                Some("b"),
            ),
            (Language::Python, "def a():\n    pass\nHERE()\n", None),
        ] {
            assert_eq!(place(language, text).function.as_deref(), name, "{text}");
        }
    }

    #[test]
    fn conditions_are_found() {
        let asked = [
            (
                Language::Rust,
                "fn main() { match c { Commands::Migrate => HERE().await?, Commands::Serve => s() } }",
            ),
            (
                Language::Rust,
                "fn main() { match c { C::Migrate { up } => { HERE(); } } }",
            ),
            (Language::Rust, "fn main() { if args.migrate { HERE() } }"),
            (
                Language::Rust,
                "#[cfg(test)] mod tests { fn x() { HERE() } }",
            ),
            (Language::Rust, "#[sqlx::test] async fn works() { HERE() }"),
            (
                Language::Go,
                "func main() { if os.Args[1] == \"migrate\" { HERE() } }",
            ),
            (
                Language::Go,
                "func main() { switch a { case \"serve\": s()\n case \"migrate\": HERE() } }",
            ),
            (
                Language::Go,
                "var c = &cobra.Command{ Use: \"migrate\", RunE: func(a) error { return HERE() } }",
            ),
            (
                Language::Script,
                "program.command('migrate').action(async () => { await HERE() })",
            ),
            (
                Language::Python,
                "def main():\n    if args.command == 'migrate':\n        HERE()\n",
            ),
        ];
        for (language, text) in asked {
            assert_eq!(stands(language, text).1, Standing::Asked, "{text}");
        }
        let always = [
            (
                Language::Rust,
                "fn main() { let p = sqlx::migrate!(); HERE() }",
            ),
            (
                Language::Rust,
                "fn main() { match c { Commands::Migrate => m(), Commands::Serve => HERE() } }",
            ),
            (
                Language::Go,
                "func main() { switch a { case \"migrate\": m()\n case \"serve\": HERE() } }",
            ),
            (
                Language::Go,
                "func main() { if err := HERE(); err != nil { log(\"migrate failed\") } }",
            ),
            (
                Language::Script,
                "knex.migrate.latest().then(() => { HERE() })",
            ),
        ];
        for (language, text) in always {
            assert_eq!(stands(language, text).1, Standing::Always, "{text}");
        }
        assert_eq!(
            stands(
                Language::Go,
                "func main() { if cfg.AutoMigrate { HERE() } }"
            )
            .1,
            Standing::If("AutoMigrate".to_owned())
        );
    }

    #[test]
    fn functions_belong_to_types() {
        for (language, text, owner) in [
            (
                Language::Rust,
                "impl<'a, T: X<T>> db::Store<'a, T> where T: Y { fn f() { HERE() } }",
                Some("Store"),
            ),
            (
                Language::Rust,
                "impl From<A> for Store { fn f() { HERE() } }",
                Some("Store"),
            ),
            (Language::Rust, "mod a { fn f() { HERE() } }", None),
            (
                Language::Rust,
                "struct A { x: u8 } impl A { fn f<P, Q>(p: P) -> R<P, Q> { HERE() } }",
                Some("A"),
            ),
            (
                Language::Go,
                "func (s *Store[T]) F() { HERE() }",
                Some("Store"),
            ),
            (Language::Go, "func F() { HERE() }", None),
            (
                Language::Script,
                "export class Store extends A { f() { HERE() } }",
                Some("Store"),
            ),
            (
                Language::Python,
                "class Store(A):\n    def f(self):\n        HERE()\n",
                Some("Store"),
            ),
        ] {
            assert_eq!(place(language, text).owner.as_deref(), owner, "{text}");
        }
    }

    #[test]
    fn functions_are_marked() {
        assert!(place(Language::Rust, "#[tokio::main]\nasync fn go() { HERE() }").marked);
        assert!(
            place(
                Language::Python,
                "@app.on_event(\"startup\")\nasync def x():\n    HERE()\n"
            )
            .marked
        );
        assert!(
            !place(
                Language::Python,
                "@app.get(\"/\")\nasync def x():\n    HERE()\n"
            )
            .marked
        );
    }

    #[test]
    fn nothing_makes_it_stop() {
        for language in [
            Language::Rust,
            Language::Go,
            Language::Python,
            Language::Script,
            Language::CSharp,
        ] {
            for text in [
                "", "}", "{", "((", "'", "\"\\", "r#\"", "/*", "é'ü", "'\\", "`", "fn", "func (",
                "def :", "x =>", "@\"", "\"é",
            ] {
                let code = Code::read(language, text);
                for at in 0..code.tokens.len() {
                    code.place(at);
                }
            }
        }
    }
}
