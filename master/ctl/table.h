// Table: columns of text, aligned. Pure.
#ifndef PREFORKD_MASTER_CTL_TABLE_H_
#define PREFORKD_MASTER_CTL_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string name;
    Align align = Align::kRight;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns.
  void Add(std::vector<std::string> cells);

  // Two spaces between columns, none at the end of a line; a heading first. Lines longer than `width` columns
  // are cut; 0: none is.
  [[nodiscard]] std::string Text(std::size_t width = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Columns on a terminal that `text` takes, if each character takes one. UTF-8.
std::size_t DisplayWidth(std::string_view text);
// The first `width` characters.
std::string CutToWidth(std::string_view text, std::size_t width);

// "3 s", "2 min 5 s", "4 h 12 min", "9 d 3 h".
std::string Ago(double seconds);
// "512 B", "6.1 MiB".
std::string Bytes(double bytes);

}  // namespace preforkd

#endif
