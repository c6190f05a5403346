package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// JSON answers with v as a JSON document. A value that has no JSON form is a
// mistake of the sandbox itself and becomes a 500.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "encoding answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away is no concern of the server
}

// ReadJSON decodes the body of r into v. An empty body leaves v as it is.
func ReadJSON(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("reading request body: %w", err)
	}
	if len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decoding request body: %w", err)
	}
	return nil
}
