// Package opensearch delivers to OpenSearch: as package elasticsearch does,
// with the words of Firehose's OpenSearch destination in the error output.
package opensearch

import (
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/elasticsearch"
)

// Default returns a configuration that lacks URLs, an index and a bucket.
func Default() sinks.Config { return elasticsearch.For("AmazonOpenSearchService-failed") }
