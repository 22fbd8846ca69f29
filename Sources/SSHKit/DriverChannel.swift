/// A command on the host, as an SSH library carries it. As with `Driver`, no call blocks.
protocol DriverChannel: AnyObject {
    func start(_ command: String) throws(DriverFailure) -> Step<Void>
    /// Reads standard output into `room`: a count, which is 0 only at the end. Standard error
    /// shares the window, so it is read too: a command that writes only there would otherwise fill
    /// it and wait for ever.
    func read(into room: UnsafeMutableRawBufferPointer) throws(DriverFailure) -> Step<Int>
    /// Accepts some of `bytes`, sent or not: how many, at least one.
    func write(_ bytes: ArraySlice<UInt8>) throws(DriverFailure) -> Step<Int>
    /// Sends what `write` accepted.
    func flush() throws(DriverFailure) -> Step<Void>
    func sendEOF() throws(DriverFailure) -> Step<Void>
    /// The status of the command once it has ended; nil if a signal ended it.
    func exitStatus() throws(DriverFailure) -> Step<Int32?>
    var stderrTail: ByteTail { get }
    /// Sends a request to the host; done when a reply has arrived, or when none can be expected.
    func probe() throws(DriverFailure) -> Step<Void>
    /// Closes the channel and frees it. Must be the last call.
    func close() throws(DriverFailure) -> Step<Void>
}

extension DriverChannel {
    /// `read(into:)` that appends to `bytes`, up to a limit.
    func read(
        to bytes: inout [UInt8], limitBytes: Int
    ) throws(DriverFailure) -> Step<Int> {
        var outcome = Result<Step<Int>, DriverFailure>.success(.blocked)
        bytes.append(addingCapacity: limitBytes - bytes.count) { span in
            span.withUnsafeMutableBufferPointer { buffer, count in
                let room = UnsafeMutableRawBufferPointer(buffer)
                outcome = Result { () throws(DriverFailure) in try read(into: room) }
                if case .success(.done(let added)) = outcome { count += added }
            }
        }
        return try outcome.get()
    }
}
