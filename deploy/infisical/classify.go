package infisical

import (
	"errors"
	"net/http"
	"strings"

	sdkerrors "github.com/infisical/go-sdk/packages/errors"

	"rekey/internal/fault"
)

// errToken is in the chain of a fault that means: the access token has expired
// or is malformed, log in again. The same status, 403, also means that a right
// is missing.
var errToken = errors.New("the access token was refused")

// errOutsider is in the chain of a fault of an identity that is no member of
// the project: every other right is beside the point.
var errOutsider = errors.New("the identity is no member of the project")

// errNoAnswer stands for the SDK's own error, whose text holds the whole URL.
var errNoAnswer = errors.New("the SDK got no answer")

// problem is the server's error envelope, as far as it is believed. Its
// message is not read: it may echo what was sent.
type problem struct {
	ReqID string `json:"reqId"`
	Word  string `json:"error"`
}

// The words of the envelope that decide something. The set is not fixed.
const (
	wordToken     = "TokenError"
	wordNotMember = "ProjectMembershipNotFound"
)

// wordsNoFolder tell an absent environment or folder from an absent secret.
var wordsNoFolder = map[string]bool{"GetSecretByName": true, "SecretPathNotFound": true, "UpdateSecret": true}

// refused classifies an error status that came with an envelope. Nothing was
// read and nothing was written.
func refused(op string, status int, p problem) error {
	f := byStatus(op, status)
	var said []string
	switch {
	case status == http.StatusForbidden && p.Word == wordToken:
		f.Reason, f.Err = fault.Unauthorized, errToken
	case p.Word == wordNotMember:
		f.Err = errOutsider
		said = append(said, "the machine identity is not a member of the project")
	case status == http.StatusNotFound && wordsNoFolder[p.Word]:
		said = append(said, "the environment or folder does not exist")
	}
	if idForm.MatchString(p.ReqID) {
		said = append(said, "request "+p.ReqID)
	}
	f.Detail = strings.Join(said, "; ")
	return f
}

// sdkFault classifies what the SDK returned. Its errors carry no cause to
// unwrap and quote URLs, so only status, request id and kind are kept.
func sdkFault(op string, err error) error {
	if err == nil {
		return nil
	}
	var api *sdkerrors.APIError
	if !errors.As(err, &api) {
		return &fault.Error{Op: op, Class: fault.Again, Reason: fault.Unreachable, Err: errNoAnswer}
	}
	p := problem{ReqID: api.ReqId}
	if namesToken(api.ErrorMessage) {
		p.Word = wordToken // the SDK drops the word and keeps the message
	}
	f := fault.Of(refused(op, api.StatusCode, p))
	bare := api.ReqId == "" && api.ErrorMessage == "" // no envelope: the server itself sends one
	f.Foreign = bare && (f.Reason == fault.Unauthorized || f.Reason == fault.Forbidden)
	return f
}

// namesToken recognises the messages that the server's error handler gives to
// every fault of an access token: "Your token has expired…", "The provided
// access token is malformed…", "The access token is signed with…". Missing
// rights read "You are not allowed to…".
func namesToken(message string) bool {
	m := strings.ToLower(message)
	return strings.Contains(m, "token") && !strings.HasPrefix(m, "you are not allowed")
}

// byStatus is the meaning of a status in an answer that reached us.
func byStatus(op string, status int) *fault.Error {
	f := &fault.Error{Op: op, Status: status}
	switch {
	case status == http.StatusUnauthorized:
		f.Reason = fault.Unauthorized
	case status == http.StatusForbidden:
		f.Reason = fault.Forbidden
	case status == http.StatusNotFound:
		f.Reason = fault.NotFound
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		f.Class, f.Reason = fault.Never, fault.Invalid
	case status == http.StatusTooManyRequests:
		f.Class, f.Reason = fault.Again, fault.RateLimited
	case status >= http.StatusInternalServerError:
		f.Class, f.Reason = fault.Again, fault.ServerError
	default:
		f.Reason = fault.Garbled
	}
	return f
}
