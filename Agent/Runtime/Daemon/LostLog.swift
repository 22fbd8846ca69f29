import AgentCore
import BuildProtocol
import Glibc
import Support

/// Ends the log of an attempt whose supervisor is gone.
enum LostLog {
    static func close(
        _ path: String, saying text: String
    ) throws -> (sizeBytes: Int64, sha256: String) {
        let file = try Descriptor(path, O_RDWR | O_CREAT)
        // A writer that was killed may have left a part of a record.
        var size = try file.truncateToLastLine()
        var record: [UInt8] = []
        LogEncoder.append(
            text, stream: .sys, unixMilliseconds: Clocks.unixMilliseconds(), into: &record)
        let failure = record.withUnsafeBytes { raw -> SystemError? in
            do throws(SystemError) { try file.writeAll(raw, at: size) } catch { return error }
            return nil
        }
        if let failure { throw failure }
        size += Int64(record.count)
        try file.sync()
        return (size, try SHA256.file(path))
    }
}
