/// The outcome of a call of an SSH library that did not fail. No call blocks; one that is not done
/// must be repeated with the same arguments.
enum Step<Value> {
    case done(Value)
    /// Nothing more can be done until the socket is ready.
    case blocked
    /// More can be done at once, but other sessions on the loop come first.
    case unfinished
}
