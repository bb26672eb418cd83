package wire

// Lines is JSON with one message a line in the place of frames, for files and pipes. It is no sub-protocol.
var Lines Encoding = lines{JSON}

type lines struct{ Encoding }

func (lines) Begin(dst []byte) []byte             { return dst }
func (lines) Next(dst []byte) []byte              { return append(dst, '\n') }
func (lines) End(dst []byte, _ int, _ int) []byte { return append(dst, '\n') }

// Encodings is the table of encodings. The first is what a client gets that asks for none.
var Encodings = []Encoding{JSON, MessagePack}

// Lookup returns the encoding of that name, which is a WebSocket sub-protocol; false if there is none.
func Lookup(name string) (Encoding, bool) {
	for _, e := range Encodings {
		if e.Name() == name {
			return e, true
		}
	}
	return nil, false
}
