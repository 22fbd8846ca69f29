import CCurl
import Support

/// Gives the library a body that is read as it is sent. A server that refuses in the middle answers
/// and closes at once; whoever sends on then is told of a reset connection and of nothing else. So
/// the last thing before bytes are given away is to look whether there is an answer: then it is
/// read first.
final class BodySource {
    private let reader: any ByteReader
    private let easy: UnsafeMutableRawPointer
    /// What was read but not given.
    private var held: [UInt8] = []
    private var isPaused = false

    init(_ reader: any ByteReader, _ easy: UnsafeMutableRawPointer) {
        self.reader = reader
        self.easy = easy
    }

    /// - Returns: bytes given, or the word by which the library pauses.
    func give(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        guard held.isEmpty else {
            let count = min(held.count, room.count)
            room.copyBytes(from: held[..<count])
            held.removeFirst(count)
            return count
        }
        let count = try reader.read(into: room)
        guard count > 0, aib_curl_has_input(easy) != 0 else { return count }
        held = Array(room[..<count])
        isPaused = true
        return Self.pause
    }

    /// - Returns: whether the library had paused; it goes on with its next turn, in which it reads
    ///   before it asks for more.
    func goOn() -> Bool {
        guard isPaused else { return false }
        isPaused = false
        curl_easy_pause(easy, CURLPAUSE_CONT)
        return true
    }

    /// CURL_READFUNC_PAUSE.
    private static let pause = 0x1000_0001
}
