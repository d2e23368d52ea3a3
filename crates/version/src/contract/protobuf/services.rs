//! Services and their methods.

use super::kinds::Likeness;
use super::model::{Method, Service};
use super::{Comparison, home, rules};

impl Comparison<'_> {
    pub(super) fn services(&mut self) {
        let (sides, old, new) = (self.sides, self.sides.old, self.sides.new);
        for (name, was) in &old.services {
            let now = sides.now(name);
            match new.services.get(now) {
                Some(is) => self.service(now, was, is),
                None => {
                    let place = home(new, now, &was.place);
                    let text = Some(name.clone());
                    self.say(
                        &rules::SERVICE_REMOVED,
                        (&was.place, text),
                        (&place, None),
                        name,
                    );
                }
            }
        }
        for (name, is) in &new.services {
            if !old.services.keys().any(|it| sides.now(it) == name) {
                let place = home(old, name, &is.place);
                let text = Some(name.clone());
                self.say(
                    &rules::SERVICE_ADDED,
                    (&place, None),
                    (&is.place, text),
                    name,
                );
            }
        }
    }

    fn service(&mut self, name: &str, was: &Service, is: &Service) {
        if !was.deprecated && is.deprecated {
            self.say(
                &rules::DEPRECATED,
                (&was.place, None),
                (&is.place, None),
                name,
            );
        }
        for (method, before) in &was.methods {
            let full = format!("{name}.{method}");
            match is.methods.get(method) {
                Some(after) => self.method(&full, before, after),
                None => {
                    let old = (&before.place, Some(method.clone()));
                    self.say(&rules::METHOD_REMOVED, old, (&is.place, None), &full);
                }
            }
        }
        for (method, after) in &is.methods {
            if !was.methods.contains_key(method) {
                let new = (&after.place, Some(method.clone()));
                let full = format!("{name}.{method}");
                self.say(&rules::METHOD_ADDED, (&was.place, None), new, &full);
            }
        }
    }

    fn method(&mut self, name: &str, was: &Method, is: &Method) {
        let sides = self.sides;
        let places = (&was.place, &is.place);
        let requests = (
            (&was.request, &is.request),
            (&rules::REQUEST_WIRE, &rules::REQUEST_SOURCE),
        );
        let responses = (
            (&was.response, &is.response),
            (&rules::RESPONSE_WIRE, &rules::RESPONSE_SOURCE),
        );
        for ((before, after), (wire, source)) in [requests, responses] {
            if sides.now(before) == after {
                continue;
            }
            let (old, new) = (Some(before.clone()), Some(after.clone()));
            if !sides.alike(before, after, Likeness::Wire) {
                self.say(wire, (places.0, old.clone()), (places.1, new.clone()), name);
            }
            self.say(source, (places.0, old), (places.1, new), name);
        }
        let words = |it: bool| Some(if it { "a stream" } else { "one message" }.to_owned());
        if was.client_streaming != is.client_streaming {
            let texts = (words(was.client_streaming), words(is.client_streaming));
            let (old, new) = ((places.0, texts.0), (places.1, texts.1));
            self.say(&rules::CLIENT_STREAMING, old, new, name);
        }
        if was.server_streaming != is.server_streaming {
            let texts = (words(was.server_streaming), words(is.server_streaming));
            let (old, new) = ((places.0, texts.0), (places.1, texts.1));
            self.say(&rules::SERVER_STREAMING, old, new, name);
        }
        if was.idempotency.0 != is.idempotency.0 {
            let rule = if is.idempotency.0 < was.idempotency.0 {
                &rules::IDEMPOTENCY_LOWERED
            } else {
                &rules::IDEMPOTENCY_RAISED
            };
            let words = |it: u8| match it {
                0 => Some("nothing is promised".to_owned()),
                1 => Some("idempotent".to_owned()),
                _ => Some("no side effects".to_owned()),
            };
            let (first, second) = (&was.idempotency, &is.idempotency);
            let old = (&first.1, words(first.0));
            self.say(rule, old, (&second.1, words(second.0)), name);
        }
        if !was.deprecated && is.deprecated {
            self.say(&rules::DEPRECATED, (places.0, None), (places.1, None), name);
        }
    }
}
