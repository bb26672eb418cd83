package tail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"tapedeck/wire/mirror"
)

// raw prints every message of the server as it came, one a line.
type raw struct {
	out, notes io.Writer
	buf        bytes.Buffer
}

func (v *raw) message(m *mirror.Message, _ *mirror.Room) {
	if json.Compact(&v.buf, m.Raw) == nil {
		v.buf.WriteByte('\n')
	}
}

func (v *raw) note(text string) { fmt.Fprintln(v.notes, text) }

func (v *raw) flush(time.Time) (time.Duration, error) {
	_, err := v.buf.WriteTo(v.out)
	return 0, err
}

func (v *raw) end() error { return nil }

// plain prints a line for each thing that happens.
type plain struct {
	out, notes io.Writer
	lines      lines
	buf        bytes.Buffer
}

func (v *plain) message(m *mirror.Message, r *mirror.Room) {
	for _, line := range v.lines.of(m, r, true) {
		if m.T == "ok" { // about the connection, not of the market
			v.note(line)
			continue
		}
		v.buf.WriteString(line + "\n")
	}
}

func (v *plain) note(text string) { fmt.Fprintln(v.notes, strings.TrimPrefix(text, "· ")) }

func (v *plain) flush(time.Time) (time.Duration, error) {
	_, err := v.buf.WriteTo(v.out)
	return 0, err
}

func (v *plain) end() error { return nil }
