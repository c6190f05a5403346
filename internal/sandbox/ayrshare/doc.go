// Package ayrshare is a local Ayrshare: accounts with one API key each, and no
// API to make another one.
//
// It enforces what the service documents: the key goes into Authorization and
// replaces the one before at the click in the dashboard; a Profile Key is no API
// key; errors are objects with status, action, code and message; 300 requests in
// five minutes are answered, then 429 with x-ratelimit headers; a thousand
// answers of 429 in a day suspend the account, which is then barred with 403.
// Whoever asks on with a dead key is counted, too. Posts that were accepted are
// kept, those that were refused are counted: nobody sends them again.
//
// Both windows can be shortened, as the waits of the world are.
package ayrshare
