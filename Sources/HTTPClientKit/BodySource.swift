import CCurl
import Glibc
import Support

/// Gives the library a body that is read as it is sent.
///
/// A server that refuses in the middle answers and closes at once, with bytes unread: whoever sends
/// on is told of a reset connection and of nothing else, although the answer has arrived. So what
/// there still is to be read of the connection is read before it is closed.
final class BodySource {
    let reader: any ByteReader
    private(set) var lastWords: [UInt8] = []
    private let limitBytes: Int

    /// Made for one handle, and must outlive its connection.
    init(_ reader: any ByteReader, _ easy: UnsafeMutableRawPointer, limitBytes: Int) {
        self.reader = reader
        self.limitBytes = limitBytes
        aib_curl_on_close(
            easy,
            { context, socket in
                guard let context else { return -1 }
                return Unmanaged<BodySource>.fromOpaque(context).takeUnretainedValue()
                    .close(socket)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The library closes the connection by this.
    private func close(_ socket: Int32) -> Int32 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 1)
        defer { buffer.deallocate() }
        while lastWords.count < limitBytes {
            let count = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { break }
            lastWords.append(contentsOf: buffer[..<count])
        }
        return Glibc.close(socket)
    }

    /// The server's answer, if that is what it said last in clear text: its head's lines, its body.
    var answer: (head: [Substring], body: ArraySlice<UInt8>)? {
        guard lastWords.starts(with: Array("HTTP/1.".utf8)),
            let end = lastWords.firstRange(of: Array("\r\n\r\n".utf8))
        else { return nil }
        let head = String(decoding: lastWords[..<end.lowerBound], as: UTF8.self)
        return (head.split(separator: "\r\n"), lastWords[end.upperBound...])
    }
}
