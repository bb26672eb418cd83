package main

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/cmd/flags"
)

// A file as Nasdaq publishes them: the start of messages, a directory, an order, its execution, and the end.
const itchFile = "" +
	"000c 53 0000 0002 1f1ad635bd15 4f " +
	"0027 52 0007 0004 1f1ad635bd15 4141504c20202020 51 4e 00000064 4e 43 5a20 50 4e 4e 31 4e 00000000 4e " +
	"0024 41 0007 0004 1f1ad635bd15 00000000000003e9 42 000001f4 4141504c20202020 00192d50 " +
	"001f 45 0007 0004 1f1ad635bd15 00000000000003e9 000000c8 0000000000002329 " +
	"0000"

func TestDecodeBinaryFile(t *testing.T) {
	content, err := hex.DecodeString(strings.ReplaceAll(itchFile, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(content)
	w.Close()
	dir := t.TempDir()
	for name, content := range map[string][]byte{"day.bin": content, "day.gz": packed.Bytes()} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		out, summary, code := runDecode(t, "--format", "itch", "--day", "2019-01-30", file)
		if code != flags.OK {
			t.Fatalf("%s: exit code %d: %s", name, code, summary)
		}
		want := `{"line":2,"ts":0,"vts":1548858600123456,"room":"book:NASDAQ:AAPL","snapshot":true,"first":1,"last":1,"d":{"bids":[],"asks":[]}}
{"line":2,"ts":0,"vts":1548858600123456,"room":"*:NASDAQ:AAPL","facts":{"lot":"1"}}
{"line":3,"ts":0,"vts":1548858600123456,"room":"book:NASDAQ:AAPL","first":2,"last":2,"prev":1,"d":{"bids":[["165.0000","500"]],"asks":[]}}
{"line":4,"ts":0,"vts":1548858600123456,"room":"trades:NASDAQ:AAPL","d":[{"id":"9001","px":"165.0000","qty":"200","side":"sell","ts":1548858600123456}]}
{"line":4,"ts":0,"vts":1548858600123456,"room":"book:NASDAQ:AAPL","first":3,"last":3,"prev":2,"d":{"bids":[["165.0000","300"]],"asks":[]}}
`
		if out != want {
			t.Errorf("%s:\n%swant\n%s", name, out, want)
		}
		squeezed := strings.Join(strings.Fields(summary), " ")
		if !strings.Contains(squeezed, "messages 4 of 1 symbols") || !strings.Contains(squeezed, "book rule itch kept 3 broken 0 without a snapshot 0") {
			t.Errorf("%s: the summary says\n%s", name, summary)
		}
		if out, _, _ := runDecode(t, "--format", "itch", file); strings.Contains(out, "vts") {
			t.Errorf("%s: without a day there are times:\n%s", name, out)
		}
	}
}
