//go:build !goexperiment.jsonv2

package json

// second are the readers that GOEXPERIMENT=jsonv2 brings.
var second []reader
