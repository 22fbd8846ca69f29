import CCurl
import Glibc
import Support

/// Supplies the library with a body that is read while it is sent.
///
/// A server that refuses an upload responds and closes the connection at once, with bytes unread. A
/// client that continues to send gets a connection reset and nothing else, although the response
/// has arrived. So the rest of the connection is read before it is closed.
final class BodySource {
    let reader: any ByteReader
    private(set) var lastBytes: [UInt8] = []
    private let limitBytes: Int

    /// For one handle; must outlive its connection.
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

    /// Called by the library to close the connection.
    private func close(_ socket: Int32) -> Int32 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 1)
        defer { buffer.deallocate() }
        while lastBytes.count < limitBytes {
            let count = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { break }
            lastBytes.append(contentsOf: buffer[..<count])
        }
        return Glibc.close(socket)
    }

    /// The server's response, if its last bytes are one in clear text: the lines of its head, and
    /// its body.
    var answer: (head: [Substring], body: ArraySlice<UInt8>)? {
        guard lastBytes.starts(with: Array("HTTP/1.".utf8)),
            let end = lastBytes.firstRange(of: Array("\r\n\r\n".utf8))
        else { return nil }
        let head = String(decoding: lastBytes[..<end.lowerBound], as: UTF8.self)
        return (head.split(separator: "\r\n"), lastBytes[end.upperBound...])
    }
}
