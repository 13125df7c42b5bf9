"""What both ports share: who may call, addresses, a server that does not wait for ever."""
