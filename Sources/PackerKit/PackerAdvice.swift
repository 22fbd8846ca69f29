/// What to write instead, for messages of Packer that do not say it.
public enum PackerAdvice {
    /// - Parameter said: Packer's messages, lines joined by newlines.
    /// - Returns: the messages, with a line of advice if there is one.
    public static func completing(_ said: String) -> String {
        // Packer up to 1.5 had iso_checksum_type, which `packer fix` of newer ones drops.
        guard said.contains("A checksum must be specified") else { return said }
        return said + "\nIf the image is not to be verified, write \"iso_checksum\": \"none\" "
            + "instead of iso_checksum_type."
    }
}
