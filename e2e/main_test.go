// Package e2e_test proves what is promised on the whole way: records in a Kafka, a streamer, clients on
// WebSockets. Nothing here knows how the parts work inside. The broker is kfake, or where TAPEDECK_TEST_KAFKA
// names one, a real Kafka for the tests with Kafka in their name.
package e2e_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"tapedeck/server/describe/schematest"
	"tapedeck/wire/mirror"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childSetup); text != "" {
		if err := beStreamer(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	mirror.Check = schematest.Must().Message // every message of every client
	goleak.VerifyTestMain(m)
}
