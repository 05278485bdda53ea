//! Valid cases that are refused, each with why. The program fails on any other.

/// Why a valid path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A base list alone says nothing while deltas are about (C20).
    DeltaCrl,
    /// Whoever signs lists for other CAs is not followed (C20).
    IndirectCrl,
    /// Lists that must be put together from several reasons (C20).
    SomeReasons,
    /// Not on the list of keys (C15).
    Dsa,
    /// Our own rule (C13).
    CaLeaf,
    /// notBefore is in 1950; `der` knows no instant before 1970, so certval cannot read it. The
    /// date itself is judged by our own hand and would do.
    Before1970,
}

impl Class {
    pub(crate) const ALL: [Self; 6] = [
        Self::DeltaCrl,
        Self::IndirectCrl,
        Self::SomeReasons,
        Self::Dsa,
        Self::CaLeaf,
        Self::Before1970,
    ];

    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::DeltaCrl => "delta CRL",
            Self::IndirectCrl => "indirect CRL",
            Self::SomeReasons => "CRLs split by reason",
            Self::Dsa => "DSA key",
            Self::CaLeaf => "the leaf is a CA's",
            Self::Before1970 => "date before 1970",
        }
    }
}

const EXPECTED: [(Class, &[&str]); 6] = [
    (
        Class::DeltaCrl,
        &[
            "ValiddeltaCRLTest2EE",
            "ValiddeltaCRLTest5EE",
            "ValiddeltaCRLTest7EE",
            "ValiddeltaCRLTest8EE",
        ],
    ),
    (
        Class::IndirectCrl,
        &[
            "ValidIDPwithindirectCRLTest22EE",
            "ValidIDPwithindirectCRLTest24EE",
            "ValidIDPwithindirectCRLTest25EE",
            "ValidcRLIssuerTest28EE",
            "ValidcRLIssuerTest29EE",
            "ValidcRLIssuerTest30EE",
            "ValidcRLIssuerTest33EE",
        ],
    ),
    (
        Class::SomeReasons,
        &[
            "ValidonlySomeReasonsTest18EE",
            "ValidonlySomeReasonsTest19EE",
        ],
    ),
    (
        Class::Dsa,
        &[
            "ValidDSASignaturesTest4EE",
            "ValidDSAParameterInheritanceTest5EE",
        ],
    ),
    (
        Class::CaLeaf,
        &[
            "OverlappingPoliciesTest6EE",
            "ValidonlyContainsCACertsTest13EE",
            "ValidpathLenConstraintTest8EE",
            "ValidpathLenConstraintTest14EE",
        ],
    ),
    (Class::Before1970, &["Validpre2000UTCnotBeforeDateTest3EE"]),
];

/// Why this valid case may be refused, if it may.
pub(crate) fn class(name: &str) -> Option<Class> {
    let (class, _) = EXPECTED.iter().find(|(_, names)| names.contains(&name))?;
    Some(*class)
}

/// All of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    EXPECTED.iter().flat_map(|(_, names)| *names).copied()
}
