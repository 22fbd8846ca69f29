/// The arguments that select what Packer builds.
public enum PackerSelection {
    public static func arguments(only: [String], except: [String]) -> [String] {
        [("-only", only), ("-except", except)].filter { !$0.1.isEmpty }
            .map { "\($0.0)=\($0.1.joined(separator: ","))" }
    }
}
