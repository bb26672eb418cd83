//go:build goexperiment.jsonv2

package json

import jsonv2 "encoding/json/v2"

// second are the readers that GOEXPERIMENT=jsonv2 brings. With it, encoding/json itself is made of the second version too.
var second = []reader{unmarshaler("encoding/json/v2", func(doc []byte, to any) error { return jsonv2.Unmarshal(doc, to) })}
