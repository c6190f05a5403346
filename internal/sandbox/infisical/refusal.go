package infisical

import (
	"fmt"
	"net/http"

	"rekey/internal/sandbox/wire"
)

// refusal is an answer that is not a success, in the server's envelope.
type refusal struct {
	status  int
	message any // a string, or a list of issues for 422
	word    string
	details []any
}

func (f *refusal) send(w http.ResponseWriter) {
	body := map[string]any{
		"reqId": "req-" + random(7), "statusCode": f.status, "message": f.message, "error": f.word,
	}
	if f.details != nil {
		body["details"] = f.details
	}
	wire.JSON(w, f.status, body)
}

func badRequest(format string, a ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, message: fmt.Sprintf(format, a...), word: "BadRequest"}
}

func badJSON() *refusal {
	return &refusal{status: http.StatusBadRequest, message: "Body is not valid JSON", word: "FST_ERR_CTP_INVALID_JSON_BODY"}
}

func unauthorized(message string) *refusal {
	return &refusal{status: http.StatusUnauthorized, message: message, word: "UnauthorizedError"}
}

func tokenError(message string) *refusal {
	return &refusal{status: http.StatusForbidden, message: message, word: "TokenError"}
}

func notFound(word, format string, a ...any) *refusal {
	return &refusal{status: http.StatusNotFound, message: fmt.Sprintf(format, a...), word: word}
}

// issue is one line of a 422.
type issue struct {
	Code     string   `json:"code"`
	Expected string   `json:"expected,omitempty"`
	Received string   `json:"received,omitempty"`
	Path     []string `json:"path"`
	Message  string   `json:"message"`
}

func invalid(issues ...issue) *refusal {
	return &refusal{status: http.StatusUnprocessableEntity, message: issues, word: "ValidationFailure"}
}

func missing(field string) issue {
	return issue{Code: "invalid_type", Expected: "string", Received: "undefined", Path: []string{field}, Message: "Required"}
}

// peopleOnly refuses a route that is closed to machine identities.
func peopleOnly(uri string) *refusal {
	return &refusal{
		status: http.StatusForbidden, message: "You are not allowed to access this resource",
		word: "Forbidden access to " + uri,
	}
}
