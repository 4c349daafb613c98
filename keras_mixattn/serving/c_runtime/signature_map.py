"""The signatures of a SavedModel, read from its protocol buffer."""


def read_signatures(meta_graph):
    """Reads the signatures of a serialized `MetaGraphDef`.

    Args:
        meta_graph: Its bytes.

    Returns:
        Dict from signature name to a pair of inputs and outputs, each a dict
        from name to a pair of tensor name and data type number.
    """
    signatures = {}
    for number, entry in _fields(meta_graph):
        if number != 5:  # MetaGraphDef.signature_def
            continue
        pair = dict(_fields(entry))
        sides = ({}, {})  # SignatureDef.inputs, SignatureDef.outputs
        for side, tensor in _fields(pair[2]):
            if side in (1, 2):
                name, info = (dict(_fields(tensor))[key] for key in (1, 2))
                info = dict(_fields(info))
                sides[side - 1][name.decode()] = info[1].decode(), info.get(2)
        if sides[0] or all(dtype for _, dtype in sides[1].values()):
            signatures[pair[1].decode()] = sides
    return signatures  # without __saved_model_init_op, which has no dtype


def _fields(message):
    """Yields number and value of each field of a protocol buffer."""
    position = 0

    def varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while position < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
            continue
        length = {1: 8, 2: None, 5: 4}[kind]
        length = varint() if length is None else length
        yield number, message[position : position + length]
        position += length
