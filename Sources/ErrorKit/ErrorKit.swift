//! ErrorKit: the one base of errors. A code for programs, a message for people, the cause as a
//! value, and whether a retry can help. Pure, so that every module may import it. A module that
//! declares errors exports ErrorKit, so that whoever catches them sees their members.
