import org.codelibs.opensearch.runner.OpenSearchRunner;

/** A node of OpenSearch that runs until it is killed: folder, HTTP port, transport port. */
class OpenSearch {
    public static void main(String[] args) throws InterruptedException {
        new OpenSearchRunner().onBuild((number, settings) -> settings
                .put("http.port", args[1])
                .put("transport.port", args[2])
                .put("network.host", "127.0.0.1")
                .put("discovery.type", "single-node")
                .putList("node.roles", "cluster_manager", "data", "ingest")
                .put("cluster.routing.allocation.disk.threshold_enabled", false)
        ).build(OpenSearchRunner.newConfigs().basePath(args[0]).numOfNode(1).clusterName("hydrant"));
        Thread.currentThread().join();
    }
}
