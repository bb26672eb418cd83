package main

import (
	"fmt"
	"net"
	"reflect"
	"testing"
)

// fields pairs the fields of two structs of a type, as text.
func fields[T any](a, b T) map[string][2]string {
	pairs := map[string][2]string{}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		pairs[x.Type().Field(i).Name] = [2]string{fmt.Sprint(x.Field(i)), fmt.Sprint(y.Field(i))}
	}
	return pairs
}

// listen takes a port for as long as the test runs, and returns its address.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
