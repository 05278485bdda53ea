//! Whole cases: anchors, what is sent along, and a leaf.

use crate::dice::Dice;
use crate::oddity::{Theme, dress};
use crate::plan::{KEYS, Plan, named};

/// How many shapes there are.
pub(crate) const SHAPES: usize = 7;

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) shape: &'static str,
    pub(crate) anchors: Vec<Plan>,
    pub(crate) candidates: Vec<Plan>,
    pub(crate) leaf: Plan,
    /// Whether a policy is required, any.
    pub(crate) explicit_policy: bool,
}

/// A CA: its name, and the number of its key.
#[derive(Clone)]
struct Ca(String, usize);

/// Makes certificates of one theme, each with a serial number and a key of its own.
struct Maker<'a> {
    dice: &'a mut Dice,
    theme: Theme,
    serial: u8,
    key: usize,
}

impl Maker<'_> {
    fn ca(&mut self, name: &str) -> Ca {
        let key = self.key;
        // The last key is on another curve; now and then it is a CA's.
        self.key = (self.key + 1) % (KEYS - 1);
        let key = if self.dice.once_in(12) { KEYS - 1 } else { key };
        Ca(name.to_owned(), key)
    }

    fn certify(&mut self, issuer: &Ca, subject: &Ca) -> Plan {
        self.make(issuer, subject, true)
    }

    fn make(&mut self, issuer: &Ca, subject: &Ca, is_ca: bool) -> Plan {
        self.serial += 1;
        let (issued_by, name) = (named(&issuer.0), named(&subject.0));
        let mut plan = Plan::new(self.serial, issued_by, name, subject.1, issuer.1);
        // A root as it should be, most of the time: else nothing below it is ever judged.
        let theme = if issuer.1 == subject.1 && !self.dice.once_in(4) {
            Theme {
                policies: false,
                constraints: false,
            }
        } else {
            self.theme
        };
        dress(self.dice, &mut plan, is_ca, theme);
        plan
    }

    fn leaf(&mut self, issuer: &Ca) -> Plan {
        let subject = Ca("Leaf".to_owned(), self.key);
        self.make(issuer, &subject, false)
    }
}

impl Scene {
    pub(crate) fn throw(case: u64) -> Self {
        let mut dice = Dice::new(case);
        let theme = Theme {
            policies: dice.once_in(3),
            constraints: dice.once_in(3),
        };
        let explicit_policy = theme.policies && dice.once_in(2);
        let kind = dice.below(8);
        let mut maker = Maker {
            dice: &mut dice,
            theme,
            serial: 0,
            key: 0,
        };
        let mut scene = maker.scene(kind);
        scene.explicit_policy = explicit_policy;
        dice.shuffle(&mut scene.candidates);
        scene
    }
}

impl Maker<'_> {
    fn scene(&mut self, kind: usize) -> Scene {
        let root = self.ca("CA 0");
        let own = self.certify(&root, &root);
        match kind {
            0..=2 => {
                let length = 1 + self.dice.below(4);
                let (chain, last) = self.chain(&root, length);
                // An intermediate as the anchor.
                let (anchors, shape) = if kind == 2 {
                    (
                        vec![chain[self.dice.below(length)].clone()],
                        "intermediate as anchor",
                    )
                } else {
                    (vec![own.clone()], "chain")
                };
                self.done(shape, anchors, [vec![own], chain].concat(), &last)
            }
            3 => {
                // Two roots certify one CA; either or both are anchors.
                let other = self.ca("CA 9");
                let other_own = self.certify(&other, &other);
                let ca = self.ca("CA 1");
                let mut all = vec![self.certify(&root, &ca), self.certify(&other, &ca)];
                all.push(self.certify(&other, &root));
                let (below, last) = {
                    let length = self.dice.below(2);
                    self.chain(&ca, length)
                };
                all.extend(below);
                let anchors = match self.dice.below(3) {
                    0 => vec![own],
                    1 => vec![other_own],
                    _ => vec![own, other_own],
                };
                self.done("cross-signed", anchors, all, &last)
            }
            4 => {
                // One CA with two keys, which certify each other (self-issued).
                let (old, new) = (self.ca("CA 1"), self.ca("CA 1"));
                let mut all = vec![self.certify(&root, &old)];
                all.push(self.certify(&old, &new));
                if self.dice.once_in(2) {
                    all.push(self.certify(&new, &old));
                }
                if self.dice.once_in(3) {
                    all.push(self.certify(&root, &new));
                }
                let (below, last) = {
                    let length = self.dice.below(2);
                    self.chain(&new, length)
                };
                all.extend(below);
                self.done("key rollover", vec![own], all, &last)
            }
            5 => {
                // A root that changed its key, the old one an anchor.
                let new = self.ca("CA 0");
                let mut all = vec![self.certify(&root, &new), self.certify(&new, &new)];
                let (below, last) = {
                    let length = 1 + self.dice.below(2);
                    self.chain(&new, length)
                };
                all.extend(below);
                self.done("root's new key", vec![own], all, &last)
            }
            6 => {
                // Three CAs that all certify each other.
                let mesh: Vec<Ca> = (1..=3)
                    .map(|number| self.ca(&format!("CA {number}")))
                    .collect();
                let mut all = vec![self.certify(&root, &mesh[2])];
                for issuer in &mesh {
                    for subject in &mesh {
                        if issuer.1 != subject.1 {
                            all.push(self.certify(issuer, subject));
                        }
                    }
                }
                self.done("mesh", vec![own], all, &mesh[0])
            }
            _ => {
                // One CA in several certificates, of which some are odd.
                let ca = self.ca("CA 1");
                let all = (0..3).map(|_| self.certify(&root, &ca)).collect();
                self.done("reissued", vec![own], all, &ca)
            }
        }
    }

    /// So many CAs, one below the other.
    fn chain(&mut self, root: &Ca, length: usize) -> (Vec<Plan>, Ca) {
        let mut above = root.clone();
        let mut chain = Vec::new();
        for _ in 0..length {
            let number = above
                .0
                .rsplit(' ')
                .next()
                .and_then(|number| number.parse::<u8>().ok());
            let ca = self.ca(&format!("CA {}", number.unwrap_or_default() + 1));
            chain.push(self.certify(&above, &ca));
            above = ca;
        }
        (chain, above)
    }

    fn done(
        &mut self,
        shape: &'static str,
        anchors: Vec<Plan>,
        candidates: Vec<Plan>,
        issuer: &Ca,
    ) -> Scene {
        let leaf = self.leaf(issuer);
        Scene {
            shape,
            anchors,
            candidates,
            leaf,
            explicit_policy: false,
        }
    }
}
