package blockkit

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Checkboxes is the type of an element with boxes to tick.
const Checkboxes = "checkboxes"

// maxBoxes is how many boxes one element may have.
const maxBoxes = 10

// Option is one box, as the app sent it.
type Option struct {
	Value string
	Raw   json.RawMessage
}

// UnmarshalJSON keeps the whole of what the app sent.
func (o *Option) UnmarshalJSON(b []byte) error {
	var in struct{ Value string }
	err := json.Unmarshal(b, &in)
	o.Value, o.Raw = in.Value, bytes.Clone(b)
	return err
}

// checkboxes is a group of boxes. Those that are ticked at first must be among the
// options, exactly as they stand there.
// https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element
func checkboxes(o *object) {
	o.atMost("action_id", 255)
	o.list("options", maxBoxes, o.c.option)
	if !o.has("initial_options") {
		return
	}
	options, _ := o.fields["options"].([]any)
	o.list("initial_options", maxBoxes, func(pointer string, v any) {
		if !slices.ContainsFunc(options, func(other any) bool { return same(other, v) }) {
			o.c.fault(pointer, "must be one of the options")
		}
	})
}

// same compares what was decoded from JSON.
func same(a, b any) bool {
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}
