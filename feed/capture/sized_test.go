package capture

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// sized writes a file of messages that have their lengths before them.
func sized(messages ...string) string {
	var b strings.Builder
	for _, m := range messages {
		b.WriteByte(byte(len(m) >> 8))
		b.WriteByte(byte(len(m)))
		b.WriteString(m)
	}
	return b.String()
}

func TestSizedMessages(t *testing.T) {
	dir := t.TempDir()
	whole := sized("S1\n2", "\x00\xff", strings.Repeat("x", 255))
	want := []string{"1 0 S1\n2", "2 0 \x00\xff", "3 0 " + strings.Repeat("x", 255)}
	for name, test := range map[string]struct {
		content []byte
		whole   int // messages
		err     error
	}{
		"plain":                   {[]byte(whole), 3, io.EOF},
		"packed":                  {pack(t, whole), 3, io.EOF},
		"with an end":             {[]byte(whole + "\x00\x00and more"), 3, io.EOF},
		"cut in a message":        {[]byte(whole[:len(whole)-1]), 2, io.ErrUnexpectedEOF},
		"cut in a length":         {[]byte(whole + "\x00"), 3, io.ErrUnexpectedEOF},
		"cut behind a length":     {[]byte(whole + "\x00\x01"), 3, io.ErrUnexpectedEOF},
		"packed, and cut":         {pack(t, whole)[:30], 3, io.ErrUnexpectedEOF},
		"nothing but its own end": {[]byte{0, 0}, 0, io.EOF},
	} {
		m, err := OpenMerged(write(t, dir, strings.ReplaceAll(name, " ", "-"), test.content))
		if err != nil {
			t.Fatal(err)
		}
		got, err := drain(m)
		m.Close()
		if name == "packed, and cut" {
			if !errors.Is(err, test.err) || len(got) > test.whole || !slices.Equal(got, want[:len(got)]) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			continue
		}
		if !errors.Is(err, test.err) || !slices.Equal(got, want[:test.whole]) {
			t.Errorf("%s: %q, %v; want %d messages and %v", name, got, err, test.whole, test.err)
		}
	}
}
