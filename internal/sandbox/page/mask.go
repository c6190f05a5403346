package page

import (
	"bytes"
	"encoding/json"
)

// masked stands where a secret value was.
const masked = "[a secret value, masked by this page]"

// shortest is the length below which a value is not looked for: it would be
// found in ordinary words, the names of JSON members among them.
const shortest = 12

// mask replaces every value in a JSON text, in the form it has inside a string.
func mask(data []byte, values []string) []byte {
	for _, v := range values {
		if len(v) < shortest {
			continue
		}
		quoted, err := json.Marshal(v)
		if err != nil {
			continue // unreachable: a string has a JSON form
		}
		data = bytes.ReplaceAll(data, quoted[1:len(quoted)-1], []byte(masked))
	}
	return data
}
