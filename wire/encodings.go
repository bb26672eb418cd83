package wire

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
