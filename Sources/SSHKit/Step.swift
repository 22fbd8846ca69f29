/// The outcome of a call into an SSH library that did not fail. No call blocks; one that is not
/// done is to be repeated with the same arguments.
enum Step<Value> {
    case done(Value)
    /// Nothing more can be done until the socket is ready.
    case blocked
    /// There is more to do at once, but others on the loop come first.
    case unfinished
}
