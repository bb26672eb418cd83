package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"tapedeck/feed/capture"
)

// The headers of a record. The first is the decoders', the others say where the record came from.
const (
	symbolHeader  = "symbol"           // the native symbol of a body that does not name its own
	captureHeader = "tapedeck-capture" // the session: NAME/HASH/RUN/PARTITIONS
	lineHeader    = "tapedeck-line"    // the message's number in it, from 1; with --loop it counts on
)

// session identifies what is published. The hash is over the first message of each file, so the same
// capture is known again under another name or packed in another way, and with other files beside it is
// another session. A run is one publication, however often it is resumed.
type session struct {
	name       string
	hash       string
	run        int64 // when it was begun, Unix ms
	partitions int   // that the keys are spread over
}

func (s session) String() string {
	return fmt.Sprintf("%s/%s/%d/%d", s.name, s.hash, s.run, s.partitions)
}

// parseSession reads the header of a record.
func parseSession(text string) (s session, ok bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return s, false
	}
	run, err1 := strconv.ParseInt(parts[2], 10, 64)
	n, err2 := strconv.Atoi(parts[3])
	return session{parts[0], parts[1], run, n}, err1 == nil && err2 == nil && n > 0
}

// session identifies what is sent, and returns when it begins; 0 where that is not known.
func (o *Options) session(ctx context.Context) (s session, begin int64, err error) {
	if o.Stretch != nil {
		return o.archived(ctx)
	}
	if s, err = newSession(o.Files); err != nil {
		return s, 0, err
	}
	m, _ := firstMessage(o.Files[0])
	return s, m.Time, nil
}

// newSession looks at the files.
func newSession(files []string) (session, error) {
	h := sha256.New()
	for _, path := range files {
		m, err := firstMessage(path)
		if err != nil && !errors.Is(err, io.EOF) {
			return session{}, err
		}
		if err == nil && m.Time == 0 {
			return session{}, fmt.Errorf("%s has no receive times, by which its messages would be sent: only streamer decode can read it", path)
		}
		fmt.Fprintf(h, "%d %d %s\n", m.Time, len(m.Data), m.URL)
		h.Write(m.Data)
	}
	return session{name: filepath.Base(capture.Session(files[0])), hash: hex.EncodeToString(h.Sum(nil)[:5])}, nil
}

// firstMessage returns the first message of a file; io.EOF where it has none.
func firstMessage(path string) (capture.Message, error) {
	r, err := capture.Open(path)
	if err != nil {
		return capture.Message{}, err
	}
	defer r.Close()
	for {
		m, err := r.Next()
		if !capture.IsBadLine(err) {
			return m, err // closing the file leaves the reader's memory alone
		}
	}
}

// connection names the connection that a capture was received on.
func connection(path string) string { return filepath.Base(capture.Session(path)) }
