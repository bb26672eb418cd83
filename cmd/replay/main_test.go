package main

import (
	"os"
	"testing"

	"tapedeck/server/describe/schematest"
	"tapedeck/wire/mirror"
)

// Every message that a client of these tests gets is held against its schema.
func TestMain(m *testing.M) {
	mirror.Check = schematest.Must().Message
	os.Exit(m.Run())
}
