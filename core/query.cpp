#include "core/query.h"

namespace vedette {

std::string_view to_string(QueryResult::Kind kind) {
    switch (kind) {
        case QueryResult::Kind::Scalar:
            return "scalar";
        case QueryResult::Kind::String:
            return "string";
        case QueryResult::Kind::Vector:
            return "vector";
        case QueryResult::Kind::Matrix:
            return "matrix";
    }
    return "unknown";
}

}  // namespace vedette
