import CoordinatorAdapters

extension Configuration {
    /// Coordinators that share a folder find the same key there.
    var sealingKeyFile: String { secretKeyFile ?? sharedState + "/secret.key" }

    var defaultSSHKeyFile: String { stateFolder + "/ssh/id_ed25519" }

    /// Where everything is that a backup holds.
    var places: FarmPlaces {
        var keys = [
            FarmPlaces.Key(FarmPlaces.secretKey, sealingKeyFile),
            FarmPlaces.Key("api.token", apiTokenFile),
        ]
        if let file = sshKeyFile ?? (sshAgentSocket == nil ? defaultSSHKeyFile : nil) {
            keys += [
                FarmPlaces.Key("ssh/key", file), FarmPlaces.Key("ssh/key.pub", file + ".pub"),
            ]
        }
        return FarmPlaces(
            location: location, stateFolder: stateFolder, sharedFolder: sharedState,
            webRoot: webRoot, keys: keys, version: Daemon.version)
    }
}
