package server

import (
	"bytes"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"tapedeck/server/describe/schematest"
	"tapedeck/wire/mirror"
)

// schemas are what every message and every answer over HTTP is held against that a client of these tests gets.
var schemas = schematest.Must()

func TestMain(m *testing.M) {
	mirror.Check = func(message []byte) error {
		if !bytes.HasPrefix(message, []byte(`{"t":"`)) {
			return errors.New("t is not the first field")
		}
		return schemas.Message(message)
	}
	goleak.VerifyTestMain(m)
}
