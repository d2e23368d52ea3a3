//! The walk through a change's steps, up and all the way back.

use std::time::Instant;

use switchback_migration::definition::{Step, Work};
use switchback_migration::workload::{Beside, BesideError, Bind, Workload, beside};
use switchback_migration::{Definition, steps};
use switchback_model::plan::Direction;
use switchback_model::{Effect, Shape, StepName, SurfaceOperation};

use super::bench::{Bench, Trouble, Watch, run_whole};
use super::client::{Client, Findings, Member};
use super::crew::{Lead, Stuck, Terms, work};
use super::error::RehearsalError;
use super::options::Options;
use super::own::{self, OwnStatements, OwnWork};
use super::report::{Fault, Measured, Moment, Outcome, Progress, Report, StepReport, WorkKind};
use crate::history::TableChange;

/// Rehearses a change on a database that may be altered and that the change has not begun on.
///
/// # Errors
/// If it cannot be rehearsed at all.
pub fn rehearse<B: Bench>(
    bench: &mut B,
    definition: &Definition,
    workload: &Workload,
    options: &Options,
    on: &mut dyn FnMut(&Progress<'_>),
) -> Result<Report, RehearsalError> {
    let none = OwnStatements::default();
    rehearse_with(bench, definition, workload, &none, options, on)
}

/// As [`rehearse`], with the application's own statements at work as well.
///
/// # Errors
/// Likewise, and if one of them finds no values for its parameters, or one of the code from before
/// the change fails on the schema from before it. One that is optional is then left out, and it is an
/// error only if none is left.
pub fn rehearse_with<B: Bench>(
    bench: &mut B,
    definition: &Definition,
    workload: &Workload,
    own: &OwnStatements<'_>,
    options: &Options,
    on: &mut dyn FnMut(&Progress<'_>),
) -> Result<Report, RehearsalError> {
    let around = beside(definition)?;
    let kept = if own.all.is_empty() { 0 } else { own::KEPT };
    let wanted = options.clients * options.rows_each + kept;
    let mut supply = bench.supply(workload, wanted)?;
    let writes = workload.versions.iter().any(|it| it.insert.is_some());
    if writes && supply.pairs.is_empty() {
        return Err(RehearsalError::NoRows {
            message: supply.notes.pop().unwrap_or_default(),
        });
    }
    let refused = |(name, message)| RehearsalError::Own { name, message };
    let all = supply.pairs.len();
    let kept = supply
        .pairs
        .split_off(all - kept.min(all.saturating_sub(1)));
    let rows = (supply.pairs.as_slice(), kept.as_slice());
    let mut own = own::ready(bench, workload, own.all, rows, own.seed)?.map_err(refused)?;
    if !own.all.is_empty() {
        let mut connection = bench.connect()?;
        own.try_old(workload, &mut *connection).map_err(refused)?;
    }
    if own.all.is_empty() && !own.left_out.is_empty() {
        let why = own::reasons(&own.left_out);
        return Err(RehearsalError::NoneOwn { why });
    }
    let share = supply.pairs.len().div_ceil(options.clients.max(1)).max(1);
    let mut clients = Vec::new();
    for pairs in supply.pairs.chunks(share) {
        clients.push(Client::new(pairs.to_vec(), supply.own.clone()));
    }
    let report = Report {
        engine: bench.engine(),
        table: workload.table.sql.clone(),
        rows: bench.count(workload)?,
        clients: clients.len(),
        steps: Vec::new(),
        back: Vec::new(),
        back_ends_at: None,
        left_out: std::mem::take(&mut own.left_out),
        notes: supply.notes,
    };
    let mut walk = Walk {
        bench,
        definition,
        workload,
        own,
        options,
        clients,
        phase: 0,
        before: Vec::new(),
        seen: None,
        report,
    };
    walk.all(&around, on)?;
    Ok(walk.report)
}

struct Walk<'a, B: Bench> {
    bench: &'a mut B,
    definition: &'a Definition,
    workload: &'a Workload,
    own: OwnWork,
    options: &'a Options,
    clients: Vec<Client>,
    phase: u64,
    /// The schema before each step of the database that was begun.
    before: Vec<Option<B::Schema>>,
    /// The schema as it was seen last, where nothing has moved since.
    seen: Option<B::Schema>,
    report: Report,
}

/// Where a step has left the database.
enum Left {
    /// Above the step.
    Up,
    /// Nobody knows.
    Unknown,
}

/// How a step moves while code works.
#[derive(Clone, Copy)]
enum Course {
    /// It is one of the code.
    Still,
    /// Up, back and up again.
    UpBackUp,
    /// Back.
    Back,
}

type Result<T, E = RehearsalError> = std::result::Result<T, E>;

impl<B: Bench> Walk<'_, B> {
    fn all(&mut self, around: &[Beside], on: &mut dyn FnMut(&Progress<'_>)) -> Result<()> {
        let begun = self.bench.rows()?;
        let of = 2 * around.len();
        let mut broken = false;
        for (index, (step, beside)) in self.definition.steps.iter().zip(around).enumerate() {
            let mut report = self.empty(step, &beside.up);
            if broken {
                report.outcome = Outcome::NotReached;
                self.report.steps.push(report);
                continue;
            }
            let step_name = &step.name;
            on(&Progress {
                index,
                of,
                step: step_name,
            });
            let left = self.step(step, &beside.up, &mut report)?;
            broken = matches!(left, Left::Unknown);
            self.report.steps.push(judged(report));
        }
        if broken {
            return Ok(());
        }
        let all = self.definition.steps.iter().zip(around).enumerate().rev();
        for (index, (place, (step, beside))) in (around.len()..).zip(all) {
            let Some(versions) = &beside.back else {
                self.report.back_ends_at = Some(step.name.clone());
                return Ok(());
            };
            on(&Progress {
                index,
                of,
                step: &step.name,
            });
            let mut report = self.empty(step, versions);
            let left = self.back(place, step, versions, &mut report)?;
            if place == 0 {
                self.as_begun(&begun, &mut report)?;
            }
            self.report.back.push(judged(report));
            if matches!(left, Left::Unknown) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn empty(&self, step: &Step, versions: &[u16]) -> StepReport {
        let name = |at: &u16| self.workload.at(*at).map(|it| it.name.clone());
        StepReport {
            step: step.name.clone(),
            title: step.title.clone(),
            kind: match step.work {
                Work::Code { .. } => WorkKind::Code,
                Work::Database { .. } => WorkKind::Database,
            },
            versions: versions.iter().filter_map(name).collect(),
            outcome: Outcome::Passed,
            faults: Vec::new(),
            altered: None,
            measured: Measured::default(),
            own: Vec::new(),
            up: None,
            down: None,
        }
    }

    fn effects(&self, step: &StepName, direction: Direction) -> Result<Vec<Effect>> {
        let planned = steps::planned(self.definition, step, direction);
        let planned = planned.map_err(BesideError::from)?;
        Ok(planned.into_iter().map(|it| it.effect).collect())
    }

    /// Takes a step: alone, then beside code.
    fn step(&mut self, step: &Step, versions: &[u16], report: &mut StepReport) -> Result<Left> {
        if let Work::Code { .. } = step.work {
            self.before.push(None);
            self.beside_code(step, versions, Course::Still, report)?;
            return Ok(Left::Up);
        }
        let before = match self.seen.take() {
            Some(seen) => seen,
            None => self.bench.schema()?,
        };
        let after = self.alone(step, &before, report)?;
        self.before.push(Some(before));
        let Some(after) = after else {
            return Ok(Left::Unknown);
        };
        let stays_up = report.faults.iter().any(|it| {
            matches!(
                it,
                Fault::Fails {
                    moment: Moment::Down,
                    ..
                }
            )
        });
        if stays_up {
            return Ok(Left::Up);
        }
        self.beside_code(step, versions, Course::UpBackUp, report)?;
        let fails = report
            .faults
            .iter()
            .any(|it| matches!(it, Fault::Fails { .. }));
        if fails && let Left::Unknown = self.up_after_all(step)? {
            return Ok(Left::Unknown);
        }
        let now = self.bench.schema()?;
        let lines = self.bench.differences(&after, &now);
        if !lines.is_empty() {
            report.faults.push(Fault::SchemaDiffers {
                moment: Moment::AfterAgain,
                lines,
            });
        }
        self.seen = Some(now);
        Ok(Left::Up)
    }

    /// The step failed beside code. Alone it went up before, so that it may again.
    fn up_after_all(&mut self, step: &Step) -> Result<Left> {
        let up = self.effects(&step.name, Direction::Up)?;
        let done = up.iter().all(|effect| self.bench.apply(effect).is_ok());
        Ok(if done { Left::Up } else { Left::Unknown })
    }

    /// Up, back and up again with nobody at work, and back once more, with the schema that the step
    /// leads to; none where the step cannot be done.
    fn alone(
        &mut self,
        step: &Step,
        before: &B::Schema,
        report: &mut StepReport,
    ) -> Result<Option<B::Schema>> {
        let up = self.effects(&step.name, Direction::Up)?;
        let down = self.effects(&step.name, Direction::Down)?;
        let rows = self.bench.rows()?;
        let begun = Instant::now();
        if !self.apply(&up, Moment::Up, report) {
            return Ok(None);
        }
        report.up = Some(begun.elapsed());
        let after = self.bench.schema()?;
        let rows_after = self.bench.rows()?;
        let begun = Instant::now();
        if !self.apply(&down, Moment::Down, report) {
            return Ok(Some(after));
        }
        report.down = Some(begun.elapsed());
        self.compare(before, &rows, Moment::AfterDown, report)?;
        if !self.apply(&up, Moment::Again, report) {
            return Ok(None);
        }
        self.compare(&after, &rows_after, Moment::AfterAgain, report)?;
        // Where code begins to work.
        Ok(self.apply(&down, Moment::Down, report).then_some(after))
    }

    fn apply(&mut self, effects: &[Effect], moment: Moment, report: &mut StepReport) -> bool {
        for effect in effects {
            if let Err(message) = self.bench.apply(effect) {
                report.faults.push(Fault::Fails {
                    moment,
                    at_work: false,
                    message,
                });
                return false;
            }
        }
        true
    }

    fn compare(
        &mut self,
        schema: &B::Schema,
        rows: &B::Rows,
        moment: Moment,
        report: &mut StepReport,
    ) -> Result<()> {
        let now = self.bench.schema()?;
        let lines = self.bench.differences(schema, &now);
        if !lines.is_empty() {
            report.faults.push(Fault::SchemaDiffers { moment, lines });
        }
        let tables = self.bench.changes(rows)?;
        if !tables.is_empty() {
            report.faults.push(Fault::RowsDiffer { moment, tables });
        }
        Ok(())
    }

    /// Lets code work while a step moves.
    fn beside_code(
        &mut self,
        step: &Step,
        versions: &[u16],
        course: Course,
        report: &mut StepReport,
    ) -> Result<()> {
        self.phase += 1;
        let workload = self.workload;
        let mut members = Vec::new();
        for _ in &self.clients {
            let mut mine = Vec::new();
            for version in versions.iter().filter_map(|at| workload.at(*at)) {
                mine.push(Member {
                    version,
                    connection: self.bench.connect()?,
                });
            }
            members.push(mine);
        }
        let movements = match course {
            Course::Still => Vec::new(),
            Course::UpBackUp => {
                let up = self.effects(&step.name, Direction::Up)?;
                let down = self.effects(&step.name, Direction::Down)?;
                vec![
                    ([Moment::Up, Moment::AfterUp], up.clone()),
                    ([Moment::Down, Moment::AfterDown], down),
                    ([Moment::Again, Moment::AfterAgain], up),
                ]
            }
            Course::Back => {
                let down = self.effects(&step.name, Direction::Down)?;
                vec![([Moment::Down, Moment::AfterDown], down)]
            }
        };
        let watch = self.bench.watch()?;
        let terms = Terms {
            phase: self.phase,
            settle: self.options.settle,
            patience: self.options.patience,
            rewrites: rewrites(step),
            own: &self.own,
        };
        let mut measured = Measured::default();
        let (bench, clients) = (&mut *self.bench, &mut self.clients);
        let (ended, findings) = work(workload, clients, members, terms, |lead| {
            lead_through(bench, lead, &movements, &mut measured)
        });
        measured.waited = watch.map(Watch::seen);
        if let Err(fault) = ended {
            report.faults.push(*fault);
        }
        self.take_in(findings, measured, report);
        if !matches!(course, Course::Back) {
            self.look_at_rows(step, versions, report)?;
        }
        Ok(())
    }

    /// What must be true of every row after a step.
    fn look_at_rows(
        &mut self,
        step: &Step,
        versions: &[u16],
        report: &mut StepReport,
    ) -> Result<()> {
        if let Work::Database {
            fill: Some(fill), ..
        } = &step.work
        {
            let rows = self.bench.unfilled(fill)?;
            if rows > 0 {
                report.faults.push(Fault::NotFilled { rows });
            }
        }
        let there = versions.iter().filter_map(|at| self.workload.at(*at));
        let concerned: Vec<_> = there.filter(|it| !it.never.is_empty()).collect();
        if concerned.is_empty() {
            return Ok(());
        }
        let mut connection = self.bench.connect()?;
        for version in concerned {
            for never in &version.never {
                let found = connection.read(&never.sql, &[]);
                let found = found.map_err(Trouble::from)?;
                let number = found.and_then(|row| row.into_iter().next().flatten());
                let rows = number.and_then(|it| it.parse().ok()).unwrap_or(0);
                if rows > 0 {
                    report.faults.push(Fault::MustNotBe {
                        version: version.name.clone(),
                        what: never.what.clone(),
                        rows,
                    });
                }
            }
        }
        Ok(())
    }

    /// Walks a step back beside code.
    fn back(
        &mut self,
        place: usize,
        step: &Step,
        versions: &[u16],
        report: &mut StepReport,
    ) -> Result<Left> {
        if let Work::Code { .. } = step.work {
            self.beside_code(step, versions, Course::Still, report)?;
            return Ok(Left::Up);
        }
        self.beside_code(step, versions, Course::Back, report)?;
        let fails = |report: &StepReport| {
            report
                .faults
                .iter()
                .any(|it| matches!(it, Fault::Fails { .. }))
        };
        if fails(report) && drains(step) {
            // Nobody has said what rows get that only the new code understands, so they have to go.
            self.remove_rows()?;
            *report = StepReport {
                faults: Vec::new(),
                ..report.clone()
            };
            self.beside_code(step, versions, Course::Back, report)?;
            self.report.notes.push(format!(
                "The way back of `{}` fails while rows have the new value, because the change does \
                 not say what they should get instead. The rehearsal removed its own rows first.",
                step.name
            ));
        }
        if fails(report) {
            return Ok(Left::Unknown);
        }
        if let Some(Some(before)) = self.before.get(place) {
            let now = self.bench.schema()?;
            let lines = self.bench.differences(before, &now);
            if !lines.is_empty() {
                report.faults.push(Fault::SchemaDiffers {
                    moment: Moment::AfterDown,
                    lines,
                });
            }
        }
        Ok(Left::Up)
    }

    /// Removes what the code has written.
    fn remove_rows(&mut self) -> Result<()> {
        let delete = self
            .workload
            .versions
            .iter()
            .find_map(|it| it.delete.as_ref());
        let Some(delete) = delete else { return Ok(()) };
        let mut connection = self.bench.connect()?;
        for row in self.clients.iter_mut().flat_map(Client::rows) {
            let values = |binds: &[Bind]| row.values(binds, 0, Shape::Old);
            let gone = run_whole(connection.as_mut(), delete, &values);
            gone.map_err(|(_, message)| Trouble::from(message))?;
            row.removed();
        }
        Ok(())
    }

    /// All the way back, rows that the code never touched have to be what they were.
    fn as_begun(&mut self, begun: &B::Rows, report: &mut StepReport) -> Result<()> {
        self.remove_rows()?;
        let mut tables = self.bench.changes(begun)?;
        // Rows without a key cannot be removed one by one.
        tables.retain(TableChange::loses);
        if !tables.is_empty() {
            report.faults.push(Fault::NotAsBegun { tables });
        }
        Ok(())
    }

    fn take_in(&self, mut findings: Findings, mut measured: Measured, report: &mut StepReport) {
        report.faults.extend(findings.faults());
        report.altered = findings.altered.take();
        report.own = own::played(std::mem::take(&mut findings.own));
        if let Some(waited) = measured.waited
            && waited.longest > self.options.longest_wait
        {
            report.faults.push(Fault::KeptWaiting {
                longest: waited.longest,
                allowed: self.options.longest_wait,
            });
        }
        measured.usual = findings.before.summary();
        measured.during = findings.during.summary();
        report.measured = measured;
    }
}

fn judged(mut report: StepReport) -> StepReport {
    if !report.faults.is_empty() {
        report.outcome = Outcome::Failed;
    }
    report
}

/// Whether a step gives rows other values, on its way up or back.
fn rewrites(step: &Step) -> bool {
    match &step.work {
        Work::Code { .. } => false,
        Work::Database { fill, .. } => fill.is_some() || drains(step),
    }
}

/// Whether the way back of a step sees to it that no row has the new shape.
fn drains(step: &Step) -> bool {
    matches!(
        &step.work,
        Work::Database {
            script: Some(script),
            ..
        } if matches!(script.undo, SurfaceOperation::Drain { .. })
    )
}

/// Leads clients through the movements of a step.
fn lead_through<B: Bench>(
    bench: &mut B,
    lead: &Lead<'_>,
    movements: &[([Moment; 2], Vec<Effect>)],
    measured: &mut Measured,
) -> std::result::Result<(), Box<Fault>> {
    let stuck = |it: Stuck| {
        Box::new(Fault::Stuck {
            moment: it.moment,
            waited: it.waited,
        })
    };
    lead.settle().map_err(stuck)?;
    for ([moving, after], effects) in movements {
        let begun = Instant::now();
        lead.begin(*moving);
        for effect in effects {
            bench.apply(effect).map_err(|message| {
                Box::new(Fault::Fails {
                    moment: *moving,
                    at_work: true,
                    message,
                })
            })?;
        }
        let took = Some(begun.elapsed());
        match moving {
            Moment::Up => measured.up = took,
            Moment::Down => measured.down = took,
            _ => measured.again = took,
        }
        lead.begin(*after);
        lead.settle().map_err(stuck)?;
    }
    Ok(())
}
