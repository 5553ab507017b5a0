package frame

import "time"

// Header is one Kafka record header.
type Header struct {
	Key   string
	Value []byte
}

// Message is a Kafka record without Kafka: what the wire form is written to and read from.
type Message struct {
	Key     []byte
	Value   []byte
	Headers []Header
	Time    time.Time // the record's timestamp; zero lets the writer stamp it when it is sent
	Ref     Ref
}

// Header returns the value of the last header of that name, or "" and false.
func (m *Message) Header(name string) (string, bool) {
	for i := len(m.Headers) - 1; i >= 0; i-- {
		if m.Headers[i].Key == name {
			return string(m.Headers[i].Value), true
		}
	}
	return "", false
}
