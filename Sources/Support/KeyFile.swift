import TextKit

/// A file with a random key of 64 hexadecimal digits, which a program creates at its first start.
public enum KeyFile {
    private static let keyBytes = 32

    /// Creates the file (mode 0600) unless it exists. Of two programs that start at once, one
    /// creates it, and both find the same key.
    public static func createIfMissing(_ path: String) throws(SystemError) {
        guard !Files.exists(path) else { return }
        let key = Hex.encode(SecretKey.random(keyBytes))
        try Files.create(path, with: Array("\(key)\n".utf8), mode: 0o600)
    }
}
