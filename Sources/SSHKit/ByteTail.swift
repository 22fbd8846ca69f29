/// The last bytes of a stream.
struct ByteTail {
    let limitBytes: Int
    private(set) var bytes: [UInt8] = []

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    mutating func append(_ more: some Collection<UInt8>) {
        bytes += more.suffix(limitBytes)
        if bytes.count > limitBytes { bytes.removeFirst(bytes.count - limitBytes) }
    }
}
